//! One file a rule, with its page in docs/rules/. Pure.
