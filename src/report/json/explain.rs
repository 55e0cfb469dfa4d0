//! `outlive/explain/v0`.

use super::render;
use crate::rules::{ALL, Rule};
use serde::Serialize;

#[derive(Serialize)]
struct ExplainJson {
    schema: &'static str,
    rules: Vec<RuleJson>,
}

#[derive(Serialize)]
struct RuleJson {
    id: &'static str,
    title: &'static str,
    severity: &'static str,
    remedy: &'static str,
    page: &'static str,
}

impl From<&dyn Rule> for RuleJson {
    fn from(rule: &dyn Rule) -> Self {
        let (id, title, page) = (rule.id(), rule.title(), rule.page());
        Self { id, title, severity: rule.severity().word(), remedy: rule.remedy(), page }
    }
}

/// One rule.
pub fn explain(rule: &dyn Rule) -> String {
    render(&ExplainJson { schema: "outlive/explain/v0", rules: vec![RuleJson::from(rule)] })
}

/// All rules.
pub fn rules() -> String {
    let rules = ALL.iter().map(|rule| RuleJson::from(*rule)).collect();
    render(&ExplainJson { schema: "outlive/explain/v0", rules })
}
