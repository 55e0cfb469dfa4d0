//! Railway, asked through its public API with a token: what the token reaches, which volumes and backups are there, and
//! what takes them along. It only asks: what may be sent is the list in `questions.rs`.

mod assets;
mod instances;
mod look;
mod points;
mod questions;
mod shapes;
mod who;

pub use questions::Question;

use super::Provider;
use super::graphql::{Limits, Says, Stop, Transport, Unanswered};
use crate::domain::{
    AccountSeen, Answer, AssetId, Gap, GapReason, GapScope, Inventory, MayDelete, RecoveryPoint, Timestamp,
    TokenKind,
};
use crate::estate::Secret;
use futures_util::future::{BoxFuture, FutureExt};
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex};
use std::thread;
use tokio::sync::oneshot;

/// The name of the kind in configuration and in results.
pub const KIND: &str = "railway";

/// Where Railway's public API is, where the configuration names no other address.
pub const ENDPOINT: &str = "https://backboard.railway.com/graphql/v2";

/// The provider that surveys what one token reaches at Railway.
#[derive(Debug, Clone)]
pub struct Railway {
    /// What the estate file calls it.
    pub provider: String,
    /// The address that is asked, and no other.
    pub endpoint: String,
    /// The token.
    pub token: Secret,
    /// The token as an asset.
    pub credential: AssetId,
    /// How far the survey goes.
    pub limits: Limits,
    /// Asks it to end.
    pub stop: Stop,
    /// The moment that is written beside every observation.
    pub now: Timestamp,
}

/// One survey at work.
pub(super) struct Work<'r> {
    own: &'r Railway,
    transport: Transport<Question>,
    says: Says<'r>,
    /// What every backup is in the catalogue.
    backup: Arc<str>,
    /// How many backups were found so far.
    kept: AtomicUsize,
    /// The backups that were found so far, in no order.
    points: Mutex<Vec<RecoveryPoint>>,
}

impl Railway {
    /// Looks at everything that the token reaches. What could not be seen is a gap.
    pub fn look(&self) -> Inventory {
        match who::who(self) {
            Ok((transport, who)) => {
                let work = Work {
                    own: self,
                    transport,
                    says: Says::to(&self.token),
                    backup: "railway.volume-backup".into(),
                    kept: AtomicUsize::new(0),
                    points: Mutex::default(),
                };
                let (seen, gaps) = look::look(&work, &who);
                assets::inventory(&work, &who, seen, gaps)
            }
            Err((why, sent)) => self.nothing_seen(&why, sent),
        }
    }

    /// Where not even the token could be told: nothing is known of all that it may reach.
    fn nothing_seen(&self, why: &Unanswered, requests: usize) -> Inventory {
        let gap = Gap {
            scope: GapScope::Volume(format!("provider:{}", self.provider)),
            place: format!("provider {}", self.provider),
            reason: why.reason(),
            detail: format!("nothing of it could be seen: {}", why.say()),
        };
        let account = AccountSeen {
            provider: self.provider.clone(),
            kind: KIND.into(),
            asked_at: self.now,
            answer: Answer::Fresh,
            credential: self.credential.clone(),
            token: TokenKind::Unknown,
            may_delete: MayDelete::Unknown,
            reaches: Vec::new(),
            beyond: Vec::new(),
            acts: Vec::new(),
            schedules: Vec::new(),
            requests,
        };
        Inventory { gaps: vec![gap], accounts: vec![account], ..Inventory::default() }
    }
}

impl Work<'_> {
    /// A gap at some part of the account.
    fn gap(&self, scope: GapScope, part: &str, why: &Unanswered) -> Gap {
        self.gap_because(scope, part, why.reason(), why.say())
    }

    fn gap_because(&self, scope: GapScope, part: &str, reason: GapReason, detail: String) -> Gap {
        Gap { scope, place: format!("provider {}, {part}", self.own.provider), reason, detail }
    }

    /// That volumes may be missing from the result.
    fn volumes_of(&self, part: &str) -> GapScope {
        GapScope::Volume(format!("provider:{}, {part}", self.own.provider))
    }
}

impl Provider for Railway {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn survey(&self) -> BoxFuture<'_, Inventory> {
        let (sender, receiver) = oneshot::channel();
        let own = self.clone();
        let started = thread::Builder::new().name("survey".into()).spawn(move || {
            // Nobody may be waiting any more.
            let _ = sender.send(own.look());
        });
        let failed = |why: &str| self.nothing_seen(&Unanswered::Unreachable(why.to_owned()), 0);
        async move {
            match started {
                Ok(_) => receiver
                    .await
                    .unwrap_or_else(|_| failed("looking at it failed inside outlive; report it")),
                Err(error) => failed(&format!("no thread to ask it: {}", error.kind())),
            }
        }
        .boxed()
    }
}
