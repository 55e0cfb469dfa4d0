//! Odd answers, thousands of them, made from sound ones by a seed: whatever comes, the survey ends in time and in memory,
//! and what it calls whole is whole.

use super::raw::{Raw, Reply};
use super::{Connector, Looked, sound};
use outlive::providers::graphql::{Limits, Stop};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// How much memory a survey may take, in KiB.
const MEMORY: u64 = 256 << 10;
/// How many surveys one process makes, one after the other.
const IN_ONE_PROCESS: usize = 1_000;

/// Numbers by a seed.
pub struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).unwrap()
    }
}

/// The seed and how many answers are made odd: some every day, ten thousand in a campaign.
fn seed_and_rounds() -> (u64, usize) {
    let named = std::env::var("OUTLIVE_SEED").ok().and_then(|seed| seed.parse().ok());
    let clock =
        || std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos() as u64 | 1;
    let campaign = std::env::var_os("OUTLIVE_CAMPAIGN").is_some();
    (named.unwrap_or_else(clock), if campaign { 10_000 } else { 400 })
}

pub fn odd_answers_are_gaps_and_never_green(adapter: Connector, other_half: &str) {
    let (seed, rounds) = seed_and_rounds();
    println!("OUTLIVE_SEED={seed}, {rounds} odd answers");
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    // Which request of a survey is answered oddly, and how: settled anew for each survey, which begins with a word of its own.
    let plan = Mutex::new((0, 0, 0));
    let dice = Mutex::new(Random(random.next() | 1));
    let random = Mutex::new(random);
    let server = Raw::new(move |asked| {
        let mut plan = plan.lock().unwrap();
        if let Some(round) = asked.line.strip_prefix("GET /round/").and_then(|rest| rest.split(' ').next()) {
            let (round, mut random): (usize, _) = (round.parse().unwrap(), random.lock().unwrap());
            let way = if round < WAYS * 3 { round % WAYS } else { random.below(WAYS) };
            *plan = (asked.number + 1 + random.below(12), way, asked.number);
            return Reply::Status(200, vec![("X-Way", way.to_string())], String::new());
        }
        let (victim, way, began) = *plan;
        drop(plan);
        let answer = adapter.answer(asked, 1 + (victim - began) % 3);
        if asked.number == victim {
            odd(&answer, way, &mut dice.lock().unwrap())
        } else {
            Reply::Json(answer)
        }
    });
    // The connector is alone in its process, so that its memory is its own; and no process goes on for days, as none of a night does.
    for first in (0..rounds).step_by(IN_ONE_PROCESS) {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", other_half, "--ignored", "--nocapture"]);
        let last = rounds.min(first + IN_ONE_PROCESS);
        let named =
            [("PORT", server.port.to_string()), ("FIRST", first.to_string()), ("LAST", last.to_string())];
        command.envs(named.map(|(name, value)| (format!("OUTLIVE_ODD_{name}"), value)));
        let ended = crate::hand::output(&mut command).unwrap();
        let said =
            [ended.stdout, ended.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
        assert!(ended.status.success() && said.contains("1 passed"), "seed {seed}, from {first} on:\n{said}");
        println!("{said}");
    }
}

/// The other half: asks for odd answers, again and again.
pub fn ask_for_odd_answers(adapter: Connector) {
    let named = |name: &str| {
        std::env::var(name).unwrap_or_else(|_| panic!("{name}: the test of odd answers starts this"))
    };
    let port: u16 = named("OUTLIVE_ODD_PORT").parse().unwrap();
    let [first, last]: [usize; 2] =
        ["OUTLIVE_ODD_FIRST", "OUTLIVE_ODD_LAST"].map(|name| named(name).parse().unwrap());
    let rounds = last - first;
    let whole = sound(adapter);
    let limits = Limits {
        call: Duration::from_millis(250),
        whole: Duration::from_secs(10),
        patience: Duration::from_millis(50),
        pause: Duration::from_millis(1),
        answer: 4 << 20,
        ..Limits::default()
    };
    let (mut open, mut harmless, mut longest) = (0, 0, Duration::ZERO);
    for round in first..last {
        let what = format!("round {round}, {}", begin(port, round));
        let began = Instant::now();
        let seen =
            adapter.look(&format!("http://127.0.0.1:{port}/graphql/v2"), limits.clone(), Stop::default());
        let looked = Looked { seen, took: began.elapsed() };
        assert!(looked.took < Duration::from_secs(12), "{what}: {:?}", looked.took);
        longest = longest.max(looked.took);
        if looked.seen.has_open_gaps() {
            open += 1;
        } else {
            is_whole(&looked, &whole, &what);
            harmless += 1;
        }
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let most: u64 = most.trim().trim_end_matches(" kB").parse().unwrap();
    println!(
        "{open} with gaps, {harmless} without, the longest {longest:?}, at most {} MiB of memory",
        most >> 10
    );
    assert!(most <= MEMORY, "{} MiB of memory", most >> 10);
    // Most odd answers cost something, and some do not: a test that sees only one of the two sees nothing.
    assert!(open > rounds / 4 && harmless > rounds / 50, "{open} with gaps, {harmless} without");
}

/// Tells the server that a round begins; how one of its answers will be odd.
fn begin(port: u16, round: usize) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.write_all(format!("GET /round/{round} HTTP/1.1\r\n\r\n").as_bytes()).unwrap();
    let mut head = [0; 200];
    let count = stream.read(&mut head).unwrap();
    String::from_utf8_lossy(&head[..count]).lines().find(|line| line.starts_with("X-Way")).unwrap().to_owned()
}

/// What is called whole has every volume, and every point with the time that it has or none.
#[track_caller]
fn is_whole(looked: &Looked, whole: &Looked, what: &str) {
    assert_eq!(looked.volumes(), whole.volumes(), "{what}");
    assert_eq!(looked.seen.points.len(), whole.seen.points.len(), "{what}: {:?}", looked.points());
    let known = |looked: &Looked| {
        let mut times: Vec<_> =
            looked.seen.points.iter().filter_map(|point| point.taken_at.value().copied()).collect();
        times.sort_unstable();
        times
    };
    let (mut there, all) = (known(looked).into_iter().peekable(), known(whole));
    for time in all {
        there.next_if_eq(&time);
    }
    assert_eq!(there.next(), None, "{what}: a time that no point has");
}

/// How many ways there are.
const WAYS: usize = 17;

/// A sound answer made odd in one way.
fn odd(sound: &Value, way: usize, dice: &mut Random) -> Reply {
    match way {
        0..=4 => broken(sound.to_string().into_bytes(), way, dice),
        // One value is of another sort.
        5..=8 => {
            let mut changed = sound.clone();
            change_one(&mut changed, dice);
            Reply::Json(changed)
        }
        9..=12 => enormous(sound, way, dice),
        13 => {
            let all = [
                json!(null),
                json!([]),
                json!({}),
                json!("x"),
                json!(1e300),
                json!({ "data": [] }),
                json!({ "data": null }),
            ];
            Reply::Json(all[dice.below(all.len())].clone())
        }
        // A head that is odd.
        14 => {
            let status = [100, 101, 204, 206, 304, 418, 500, 999][dice.below(8)];
            Reply::Bytes(format!("HTTP/1.1 {status} X\r\nContent-Length: 2\r\n\r\n{{}}").into_bytes())
        }
        15 => {
            let headers = format!("X: {}\r\n", "y".repeat(1_000)).repeat(dice.below(300));
            let head = format!("HTTP/1.1 200 X\r\n{headers}Transfer-Encoding: chunked\r\n\r\nzz\r\n{sound}");
            Reply::Bytes(head.into_bytes())
        }
        _ => [Reply::HangUp, Reply::Silence, Reply::Trickle, Reply::Endless(b"[[")][dice.below(4)].clone(),
    }
}

/// What is no answer in form.
fn broken(mut text: Vec<u8>, way: usize, dice: &mut Random) -> Reply {
    let cut = dice.below(text.len());
    match way {
        // Cut short, with a length that says so and with one that does not.
        0 => Reply::Body(text[..cut].to_vec()),
        1 => {
            let head = format!("HTTP/1.1 200 X\r\nContent-Length: {}\r\n\r\n", text.len());
            Reply::Bytes([head.as_bytes(), &text[..cut]].concat())
        }
        // Bytes that are anything.
        2 => Reply::Body((0..dice.below(5_000)).map(|_| dice.next() as u8).collect()),
        3 => Reply::Bytes((0..dice.below(500)).map(|_| dice.next() as u8).collect()),
        // One byte is another one, where that breaks the form.
        _ => {
            let places: Vec<usize> = (0..text.len()).filter(|at| b"{}[]:,".contains(&text[*at])).collect();
            text[places[dice.below(places.len())]] = [0, b'"', b'\\', 0xff][dice.below(4)];
            Reply::Body(text)
        }
    }
}

/// What is deep, wide, long or many.
fn enormous(sound: &Value, way: usize, dice: &mut Random) -> Reply {
    match way {
        9 => {
            let (open, close) = [("[", "]"), ("{\"data\":", "}"), ("{\"a\":[", "]}")][dice.below(3)];
            let depth = 10 + dice.below(100_000);
            Reply::Body(format!("{}null{}", open.repeat(depth), close.repeat(depth)).into_bytes())
        }
        10 => {
            let items = ["null", "{}", "[]", "0", "{\"node\":{}}", "{\"node\":null}", "{\"id\":\"x\"}"];
            let many = vec![items[dice.below(items.len())]; 100_000 + dice.below(200_000)].join(",");
            let list = format!("{{\"edges\":[{many}],\"pageInfo\":{{\"hasNextPage\":false}}}}");
            let data = format!(
                "{{\"data\":{{\"projects\":{list},\"backups\":[{many}],\"apiToken\":{{\"workspaces\":[{many}]}},\
                 \"environment\":{{\"volumeInstances\":{list}}},\"project\":{{\"volumes\":{list}}}}}}}"
            );
            Reply::Body(data.into_bytes())
        }
        11 => {
            let mut changed = sound.clone();
            lengthen(&mut changed, &["a", "\u{202e}", "\\", "ä"][dice.below(4)].repeat(dice.below(1 << 20)));
            Reply::Json(changed)
        }
        // More errors than anybody reads.
        _ => {
            let all = [
                json!(null),
                json!("x"),
                json!({ "message": 7 }),
                json!([[]]),
                json!({ "extensions": { "code": {} } }),
            ];
            let errors = vec![all[dice.below(all.len())].clone(); 1 + dice.below(50_000)];
            let data = if dice.below(2) == 0 { sound["data"].clone() } else { json!(null) };
            Reply::Json(json!({ "data": data, "errors": errors }))
        }
    }
}

/// One value anywhere in it becomes another, or goes. A list as a whole does not: one without entries cannot be told from
/// one that has none.
fn change_one(value: &mut Value, dice: &mut Random) {
    let others =
        [json!(null), json!(-1), json!(1e99), json!(true), json!("?"), json!([]), json!({}), json!([[{}]])];
    let is_deep_enough = dice.below(4) == 0;
    match value {
        Value::Object(entries) if !entries.is_empty() => {
            let keys: Vec<String> = entries.keys().cloned().collect();
            let key = keys[dice.below(keys.len())].clone();
            if is_deep_enough && dice.below(2) == 0 {
                entries.remove(&key);
            } else if let Some(inner) = entries.get_mut(&key) {
                change_one(inner, dice);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            let place = dice.below(items.len());
            match is_deep_enough {
                true => items[place] = others[dice.below(others.len())].clone(),
                false => change_one(&mut items[place], dice),
            }
        }
        Value::Array(_) => {}
        other => *other = others[dice.below(others.len())].clone(),
    }
}

/// Every name becomes this.
fn lengthen(value: &mut Value, long: &str) {
    match value {
        Value::Object(entries) => {
            for (key, value) in entries {
                match key.as_str() {
                    "name" | "region" | "cron" => *value = json!(long),
                    _ => lengthen(value, long),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| lengthen(item, long)),
        _ => {}
    }
}
