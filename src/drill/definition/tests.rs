use super::*;

const ESTATE: &str = r#"
[policy.default]
rto = "2h"
rpo = "30h"
drill_every = "3d"
[[volume]]
id = "orders-db"
path = "/srv/orders"
[[vault]]
id = "offsite"
kind = "dir"
path = "/mnt/vault"
"#;

fn estate() -> Estate {
    Estate::parse(Path::new("/etc/outlive.toml"), ESTATE).unwrap()
}

fn read(text: &str) -> Result<Drill> {
    parse("weekly", Path::new("/etc/drills/weekly/drill.toml"), text, &estate())
}

#[test]
fn a_definition_is_read_whole() {
    let drill = read(
        r#"
        volume = "orders-db"
        vault = "offsite"
        select = { at = "2026-11-01T00:00:00Z" }
        restore_to = "scratch"
        checks = ["files", "counts", "command"]
        budget = { rto = "10m", rpo = "26h" }
        every = "7d"
        at = "03:30"
        timeout = "1h"
        [counts]
        least_files = 2
        most_bytes = 9
        [[command]]
        name = "opens"
        argv = ["pg_restore", "--list", "{restored}/orders.dump"]
        timeout = "5m"
        "#,
    )
    .unwrap();
    assert_eq!(drill.select, Selection::At("2026-11-01T00:00:00Z".parse().unwrap()));
    assert_eq!(drill.checks, ["files", "counts", "command"]);
    assert_eq!(drill.restore_to, Some("/etc/drills/weekly/scratch".into()));
    let spans = (drill.rto, drill.rpo, drill.every, drill.offset);
    let (rto, rpo) = (TimeDelta::minutes(10), TimeDelta::hours(26));
    assert_eq!(spans, (rto, rpo, TimeDelta::days(7), TimeDelta::minutes(210)));
    assert_eq!(drill.timeout, Duration::from_secs(3600));
    assert_eq!(drill.counts, Bounds { least: (Some(2), None), most: (None, Some(9)) });
    assert_eq!(drill.commands[0].argv[2], "{restored}/orders.dump");
    assert_eq!(drill.commands[0].timeout, Duration::from_secs(300));
}

#[test]
fn what_is_not_said_comes_from_the_volume_s_policy() {
    let drill = read("volume = \"orders-db\"").unwrap();
    assert_eq!((drill.rto, drill.rpo), (TimeDelta::hours(2), TimeDelta::hours(30)));
    assert_eq!(drill.every, TimeDelta::days(3));
    assert_eq!((drill.select, drill.checks.len()), (Selection::Latest, 0));
}

#[test]
fn each_mistake_is_told_with_its_place_and_what_was_probably_meant() {
    let volume = "volume = \"orders-db\"\n";
    let cases = [
        ("", "drill.toml:1:1", "missing field `volume`", ""),
        ("volume = \"order-db\"", ":1:10", "no volume `order-db`", "`orders-db`?"),
        ("volumes = \"orders-db\"", ":1:1", "unknown key `volumes`", "`volume`?"),
        ("vault = \"off-site\"", ":2:9", "no vault `off-site`", "`offsite`?"),
        ("select = \"lates\"", ":2:10", "no selection `lates`", "`latest`?"),
        ("select = { on = \"x\" }", ":2:12", "unknown key `on`", "at"),
        ("select = { at = \"yesterday\" }", ":2:10", "`yesterday` is no moment", "zone"),
        ("checks = [\"file\"]", ":2:11", "no check `file`", "`files`?"),
        ("checks = [\"files\", \"files\"]", ":2:20", "named twice", "once"),
        ("checks = [\"command\"]", ":2:11", "no command is given", "[[command]]"),
        ("[[command]]\nargv = [\"true\"]", ":3:8", "`checks` does not name", "\"command\""),
        ("checks = [\"command\"]\n[[command]]\nargv = []", ":4:8", "names no program", "list"),
        ("[counts]\nleast_files = 1", ":2:1", "`checks` does not name", "\"counts\""),
        ("budget = { rto = \"1 hour\" }", ":2:18", "no duration", "26h"),
        ("budget = { rtt = \"1h\" }", ":2:12", "unknown key `rtt`", "`rto`?"),
        ("every = \"0s\"", ":2:9", "", ""),
        ("at = \"3am\"", ":2:6", "no time of day", "03:00"),
        ("timeout = 5", ":2:11", "invalid type", ""),
        ("checks = [", ":", "", ""),
    ];
    for (text, place, what, remedy) in cases {
        let text = if text.is_empty() || text.starts_with("volume") {
            text.into()
        } else {
            format!("{volume}{text}")
        };
        let problem = read(&text).expect_err(&text);
        assert_eq!(problem.kind, Kind::Usage, "{text}");
        assert!(problem.place.contains(place), "{text}: {problem:?}");
        assert!(problem.what.contains(what), "{text}: {problem:?}");
        assert!(problem.remedy.contains(remedy), "{text}: {problem:?}");
    }
}
