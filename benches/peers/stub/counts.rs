//! What each client asked and sent, by its access key.

use super::request::Request;
use std::collections::BTreeMap;

#[derive(Default)]
pub struct Counts(BTreeMap<String, Count>);

#[derive(Default)]
struct Count {
    /// By method.
    requests: BTreeMap<String, u64>,
    /// Bytes of bodies, without their framing.
    received: u64,
    sent: u64,
}

impl Counts {
    pub fn note(&mut self, request: &Request, sent: u64) {
        let count = self.0.entry(request.access_key().to_owned()).or_default();
        *count.requests.entry(request.method.clone()).or_default() += 1;
        count.received += request.body.len;
        count.sent += sent;
    }

    /// With what the store holds.
    pub fn json(&self, objects: u64, bytes: u64) -> String {
        let clients = self.0.iter().map(|(name, count)| {
            let requests = count.requests.iter().map(|(method, times)| format!("\"{method}\":{times}"));
            let requests: Vec<String> = requests.collect();
            let (received, sent) = (count.received, count.sent);
            let requests = requests.join(",");
            format!("\"{name}\":{{\"requests\":{{{requests}}},\"received\":{received},\"sent\":{sent}}}")
        });
        let clients: Vec<String> = clients.collect();
        let clients = clients.join(",");
        format!("{{\"objects\":{objects},\"bytes\":{bytes},\"clients\":{{{clients}}}}}")
    }
}
