//! `outlive/explain/v0`.

use super::render;
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
