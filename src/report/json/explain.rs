//! `outlive/explain/v0` and `outlive/explain-kind/v0`.

use super::render;
use crate::catalogue::{InWords, KindStatements};
use crate::rules::{ALL, Rule};
use serde::Serialize;

#[derive(Serialize)]
struct ExplainJson {
    schema: &'static str,
    exit_codes: Vec<u8>,
    rules: Vec<RuleJson>,
}

#[derive(Serialize)]
struct RuleJson {
    id: &'static str,
    title: &'static str,
    severity: &'static str,
    remedy: &'static str,
    frameworks: &'static [&'static str],
    page: &'static str,
}

impl From<&dyn Rule> for RuleJson {
    fn from(rule: &dyn Rule) -> Self {
        let (id, title, page) = (rule.id(), rule.title(), rule.page());
        let (severity, frameworks) = (rule.severity().word(), rule.frameworks());
        Self { id, title, severity, remedy: rule.remedy(), frameworks, page }
    }
}

/// One rule. The exit codes are the caller's: every one that applies.
pub fn explain(rule: &dyn Rule, exit_codes: &[u8]) -> String {
    render(&ExplainJson {
        schema: "outlive/explain/v0",
        exit_codes: exit_codes.to_vec(),
        rules: vec![RuleJson::from(rule)],
    })
}

/// All rules.
pub fn rules(exit_codes: &[u8]) -> String {
    let rules = ALL.iter().map(|rule| RuleJson::from(*rule)).collect();
    render(&ExplainJson { schema: "outlive/explain/v0", exit_codes: exit_codes.to_vec(), rules })
}

#[derive(Serialize)]
struct ExplainKindJson<'k> {
    schema: &'static str,
    exit_codes: Vec<u8>,
    kind: &'k str,
    provider: &'k str,
    title: &'k str,
    list: &'k str,
    way_out: &'k str,
    smallest_credential: &'k str,
    statements: Vec<StatementJson<'k>>,
}

#[derive(Serialize)]
struct StatementJson<'k> {
    about: String,
    says: String,
    call: Option<&'k str>,
    undelete_seconds: Option<u64>,
    note: &'k str,
    certainty: &'static str,
    source: &'k str,
    read: &'k str,
}

impl<'k> From<InWords<'k>> for StatementJson<'k> {
    fn from(stated: InWords<'k>) -> Self {
        Self {
            about: stated.about,
            says: stated.says,
            call: stated.call,
            undelete_seconds: stated.grace.map(|grace| grace.seconds),
            note: stated.note,
            certainty: stated.certainty.word(),
            source: &stated.source.address,
            read: &stated.source.read,
        }
    }
}

/// All that the catalogue states of one kind of recovery point.
pub fn explain_kind(kind: &KindStatements, provider: &str, exit_codes: &[u8]) -> String {
    render(&ExplainKindJson {
        schema: "outlive/explain-kind/v0",
        exit_codes: exit_codes.to_vec(),
        kind: &kind.name,
        provider,
        title: &kind.title,
        list: &kind.list,
        way_out: &kind.way_out,
        smallest_credential: &kind.smallest,
        statements: kind.in_words().into_iter().map(StatementJson::from).collect(),
    })
}
