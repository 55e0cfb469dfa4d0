//! A service and a timer of systemd. Quoting is as systemd.service(5), systemd.syntax(7) and systemd.unit(5) say.

use super::order::text_of;
use super::{Night, STATE, Scheduled, ScheduledFile};
use crate::domain::Result;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

/// `outlive-nightly.service` and `outlive-nightly.timer`.
///
/// Nothing of the hardening gives the service a view of mounts of its own (`ProtectSystem=`, `PrivateTmp=` and
/// others): outlive judges by the mount table what a deletion reaches, and a volume that is read-only for the service
/// alone would look safe.
///
/// # Errors
/// `Usage` where a path, user or credential cannot stand in a unit.
pub fn systemd(night: &Night<'_>) -> Result<Scheduled> {
    let service = ScheduledFile { name: "outlive-nightly.service".to_owned(), content: service(night)? };
    let timer = ScheduledFile { name: "outlive-nightly.timer".to_owned(), content: timer(night) };
    let mut to_install = vec![
        "copy both to /etc/systemd/system, then: systemctl daemon-reload && systemctl enable --now outlive-nightly.timer"
            .to_owned(),
    ];
    if !night.credentials()?.is_empty() {
        to_install.push("put each secret into /etc/outlive/credentials, mode 0600, owned by root".to_owned());
    }
    if let (Some(user), None) = (night.checked_user()?, &night.state) {
        to_install
            .push(format!("commands that {user} runs by hand see what the nights did with --state {STATE}"));
    }
    Ok(Scheduled { files: vec![service, timer], to_install, written_to: None })
}

fn service(night: &Night<'_>) -> Result<String> {
    let mut lines = vec![
        "[Unit]".to_owned(),
        "Description=outlive: what is due of copies, read-backs and drills".to_owned(),
        "Wants=network-online.target".to_owned(),
        "After=network-online.target".to_owned(),
        "# A failed run should wake somebody even where no ping is configured:".to_owned(),
        "# OnFailure=your-alert@%n.service".to_owned(),
        String::new(),
        "[Service]".to_owned(),
        "Type=oneshot".to_owned(),
        format!("ExecStart={}", command(night)?),
        "# The run has a deadline of its own, which comes first; this ends one that hangs.".to_owned(),
        format!("TimeoutStartSec={}s", night.limit_seconds()),
        "TimeoutStopSec=120s".to_owned(),
    ];
    lines.extend(night.checked_user()?.map(|user| format!("User={user}")));
    if night.state.is_none() {
        // Below /var/lib: it is STATE, made for the user.
        lines.extend(["StateDirectory=outlive", "StateDirectoryMode=0700"].map(str::to_owned));
    }
    let credentials = night.credentials()?;
    lines.extend(
        credentials.iter().map(|name| format!("LoadCredential={name}:/etc/outlive/credentials/{name}")),
    );
    lines.extend(HARDENING.map(str::to_owned));
    Ok(lines.join("\n") + "\n")
}

const HARDENING: [&str; 11] = [
    "# No ProtectSystem=, PrivateTmp= and the like: they would show this service a mount table of its own, and outlive",
    "# judges by the mount table what a deletion reaches.",
    "UMask=0077",
    "NoNewPrivileges=yes",
    "LockPersonality=yes",
    "RestrictRealtime=yes",
    "SystemCallArchitectures=native",
    "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK",
    "Nice=10",
    "IOSchedulingClass=best-effort",
    "IOSchedulingPriority=7",
];

fn timer(night: &Night<'_>) -> String {
    let at = night.at;
    format!(
        "[Unit]\n\
         Description=outlive every night\n\
         \n\
         [Timer]\n\
         OnCalendar=*-*-* {:02}:{:02}:00\n\
         # What was missed while the machine was off runs once it is on.\n\
         Persistent=true\n\
         RandomizedDelaySec=15min\n\
         AccuracySec=1min\n\
         Unit=outlive-nightly.service\n\
         \n\
         [Install]\n\
         WantedBy=timers.target\n",
        at.hour, at.minute
    )
}

/// The command line. `:` before it keeps `$` a plain sign; it is there only where one occurs, because systemd
/// before 244 does not know it.
///
/// # Errors
/// `Usage` where systemd would not take the program: it refuses quotes, backslashes and control characters in it.
fn command(night: &Night<'_>) -> Result<String> {
    text_of(&night.binary, |c| !c.is_control() && !"\"'\\".contains(c))?;
    let mut words = vec![word(night.binary.as_os_str())];
    words.extend(night.arguments().iter().map(|argument| word(argument.as_os_str())));
    let line = words.join(" ");
    Ok(if line.contains('$') { format!(":{line}") } else { line })
}

/// A word as systemd reads it: plain where it can be, otherwise quoted and with escapes; `%` begins a specifier.
fn word(text: &OsStr) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/._-+=:@,".contains(byte);
    let bytes = text.as_bytes();
    if !bytes.is_empty() && bytes.iter().all(plain) {
        return String::from_utf8_lossy(bytes).into_owned();
    }
    let mut out = String::from("\"");
    for &byte in bytes {
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'%' => out.push_str("%%"),
            0x20..=0x7e => out.push(char::from(byte)),
            other => out.push_str(&format!("\\x{other:02x}")),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_systemd_would_read_otherwise_is_quoted() {
        let cases: [(&[u8], &str); 6] = [
            (b"/usr/bin/outlive", "/usr/bin/outlive"),
            (b"/a b", "\"/a b\""),
            (b"/a%n", "\"/a%%n\""),
            (b"/a\"b\\c", "\"/a\\\"b\\\\c\""),
            (b"/a\n;x", "\"/a\\x0a;x\""),
            (b"/\xff", "\"/\\xff\""),
        ];
        for (bytes, expected) in cases {
            assert_eq!(word(OsStr::from_bytes(bytes)), expected);
        }
    }
}
