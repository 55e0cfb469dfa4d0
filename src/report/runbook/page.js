
(function () {
  var banner = document.getElementById("banner");
  function look() {
    if (Date.now() > Date.parse(banner.dataset.until)) {
      banner.className = "stale";
      banner.textContent = "STALE: this page was to be believed until " + banner.dataset.until + ". Look for a newer one first; times and points on it may be wrong.";
    }
  }
  look();
  setInterval(look, 60000);
})();
