//! Which providers were asked, with which credential, and what that reaches.

use super::parts::time;
use crate::domain::{AccountSeen, Answer, OneAct, Reached, ScheduleSeen};
use serde::Serialize;

#[derive(Serialize)]
pub(super) struct AccountJson {
    provider: String,
    kind: String,
    asked_at: String,
    kept: bool,
    credential: String,
    token_kind: &'static str,
    may_delete: &'static str,
    reaches: Vec<ReachedJson>,
    acts: Vec<OneActJson>,
    schedules: Vec<ScheduleJson>,
    requests: usize,
}

#[derive(Serialize)]
struct ReachedJson {
    kind: &'static str,
    id: String,
    name: String,
}

#[derive(Serialize)]
struct OneActJson {
    call: String,
    asset: String,
    name: String,
    takes: Vec<String>,
    recovery_points: usize,
    note: Option<String>,
}

#[derive(Serialize)]
struct ScheduleJson {
    of: String,
    rhythm: String,
    keeps_seconds: Option<u64>,
}

impl From<&AccountSeen> for AccountJson {
    fn from(seen: &AccountSeen) -> Self {
        Self {
            provider: seen.provider.clone(),
            kind: seen.kind.clone(),
            asked_at: time(seen.asked_at),
            kept: seen.answer == Answer::Kept,
            credential: seen.credential.0.clone(),
            token_kind: seen.token.word(),
            may_delete: seen.may_delete.word(),
            reaches: seen.reaches.iter().map(ReachedJson::from).collect(),
            acts: seen.acts.iter().map(OneActJson::from).collect(),
            schedules: seen.schedules.iter().map(ScheduleJson::from).collect(),
            requests: seen.requests,
        }
    }
}

impl From<&Reached> for ReachedJson {
    fn from(reached: &Reached) -> Self {
        Self { kind: reached.what.word(), id: reached.id.clone(), name: reached.name.clone() }
    }
}

impl From<&OneAct> for OneActJson {
    fn from(act: &OneAct) -> Self {
        let OneAct { call, on, name, takes, points, note } = act;
        Self {
            call: call.clone(),
            asset: on.0.clone(),
            name: name.clone(),
            takes: takes.clone(),
            recovery_points: *points,
            note: note.clone(),
        }
    }
}

impl From<&ScheduleSeen> for ScheduleJson {
    fn from(seen: &ScheduleSeen) -> Self {
        Self { of: seen.of.clone(), rhythm: seen.rhythm.clone(), keeps_seconds: seen.keeps_seconds }
    }
}
