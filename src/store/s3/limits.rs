//! How long, how often and how much: the bounds of everything that is asked of an S3 store.

use std::time::Duration;

/// Bounds of requests. [`Limits::default`] is for real stores; tests of faults use shorter ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How long a connection may take to come up.
    pub connect: Duration,
    /// How long whatever gives the credential may take: a program, a service, a file.
    pub credential: Duration,
    /// How long an answer may take to begin, beside the time that the bytes of the request need.
    pub answer: Duration,
    /// How long a body may give nothing at all.
    pub idle: Duration,
    /// The slowest transfer that is waited for, in bytes a second: the time for a body grows with its length.
    pub slowest: u64,
    /// How often one request is sent at most, and how often a broken body is taken up again.
    pub attempts: u32,
    /// The pause before the second attempt; it doubles for each further one, and half of it is random.
    pub pause: Duration,
    /// The longest pause, also where the store asks for a longer one.
    pub longest_pause: Duration,
    /// The size of a part in bytes. What is larger than one part goes up in parts. S3 takes no part under 5 MiB but
    /// the last, and 10,000 parts at most.
    pub part: usize,
    /// How many parts may be on their way at once, of all uploads together: this bounds the memory.
    pub parts_in_flight: usize,
    /// How many pages of a listing are asked for at most.
    pub pages: u32,
    /// How many names one listing may have at most: this bounds the memory.
    pub names: u64,
    /// How long one listing may take in all.
    pub listing: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            credential: Duration::from_secs(60),
            answer: Duration::from_secs(60),
            idle: Duration::from_secs(60),
            slowest: 32 * 1024,
            attempts: 6,
            pause: Duration::from_millis(250),
            longest_pause: Duration::from_secs(30),
            part: 8 * 1024 * 1024,
            parts_in_flight: 6,
            pages: 100_000,
            names: 2_000_000,
            listing: Duration::from_secs(3600),
        }
    }
}

impl Limits {
    /// How long a request may take that sends or fetches so many bytes.
    pub fn deadline(&self, bytes: u64) -> Duration {
        self.answer + self.transfer(bytes)
    }

    /// How long so many bytes may take.
    pub fn transfer(&self, bytes: u64) -> Duration {
        Duration::from_secs_f64(bytes as f64 / self.slowest.max(1) as f64)
    }

    /// The pause after the attempt of this number, from 1. `random` is any number.
    pub fn pause_after(&self, attempt: u32, asked: Option<Duration>, random: u64) -> Duration {
        let doubled =
            self.pause.saturating_mul(1 << attempt.saturating_sub(1).min(16)).min(self.longest_pause);
        let jittered = doubled / 2 + doubled.mul_f64((random % 1024) as f64 / 2048.0);
        jittered.max(asked.unwrap_or_default().min(self.longest_pause))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_are_random_and_stay_below_the_longest() {
        let limits = Limits::default();
        let pause = |attempt, random| limits.pause_after(attempt, None, random);
        assert!(pause(1, 0) < pause(1, 1023), "no jitter");
        assert!(pause(3, 0) >= pause(1, 1023), "no growth");
        assert!((1..=u32::MAX).step_by(1 << 24).all(|attempt| pause(attempt, 1023) <= limits.longest_pause));
        let asked = |seconds| limits.pause_after(1, Some(Duration::from_secs(seconds)), 0);
        assert_eq!((asked(7), asked(7_000)), (Duration::from_secs(7), limits.longest_pause));
    }

    #[test]
    fn a_larger_body_may_take_longer() {
        let limits = Limits::default();
        assert_eq!(limits.deadline(0), limits.answer);
        assert_eq!(limits.deadline(32 * 1024 * 10), limits.answer + Duration::from_secs(10));
    }
}
