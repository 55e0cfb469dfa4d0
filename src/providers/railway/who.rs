//! Which token is it, and how far does it reach?

use super::Railway;
use super::questions::Question;
use super::shapes::{ApiToken, Me, Named, ProjectToken};
use crate::domain::{MayDelete, TokenKind};
use crate::providers::graphql::{Bearer, Complaint, List, Scalar, Transport, Unanswered, Variables};

/// What the token says of itself.
pub(super) struct Who {
    pub kind: TokenKind,
    pub scope: Scope,
}

/// How far it reaches.
pub(super) enum Scope {
    /// Everything in these workspaces; what of the list is missing, and why.
    Workspaces(Vec<Named>, Option<Unanswered>),
    /// One environment of one project.
    Environment { project: Scalar, environment: Scalar },
}

impl Who {
    /// Whether such a token may delete volumes. None is known that may not; of project tokens nobody established it.
    pub fn may_delete(&self) -> MayDelete {
        match self.scope {
            Scope::Workspaces(..) => MayDelete::Yes,
            Scope::Environment { .. } => MayDelete::Unknown,
        }
    }
}

/// Asks with the token as that of an account or workspace first; only a project token answers to the other question, and is
/// shown in another header.
///
/// # Errors
/// Why the token did not say what it is, and how many requests that took.
pub(super) fn who(own: &Railway) -> Result<(Transport<Question>, Who), (Unanswered, usize)> {
    let transport = Transport::new(
        &own.endpoint,
        own.token.clone(),
        Bearer::Authorization,
        own.limits.clone(),
        own.stop.clone(),
    );
    let transport = transport.map_err(|why| (why, 0))?;
    match transport.ask::<ApiToken>(Question::ApiToken, &Variables::default()) {
        Ok(answer) => {
            let beside = answer.beside.map(|(complaint, count)| Unanswered::Errors(complaint, count));
            let list = answer.data.api_token.map(|token| token.workspaces);
            let is_there = list.is_some();
            let List { items, missed } = list.unwrap_or_default();
            let odd = (missed > 0 || !is_there)
                .then_some(Unanswered::NotUnderstood("workspaces of the token are missing in it"));
            let none = items
                .is_empty()
                .then_some(Unanswered::NotUnderstood("the token names no workspace that it reaches"));
            let kind = match transport.ask::<Me>(Question::Me, &Variables::default()) {
                Ok(answer) if answer.data.me.is_some() => TokenKind::Account,
                // Only that it may not be told says that nobody stands behind the token.
                Err(Unanswered::Errors(Complaint::NotAuthorized, _) | Unanswered::Refused(_)) => {
                    TokenKind::Workspace
                }
                Ok(_) | Err(_) => TokenKind::Unknown,
            };
            let scope = Scope::Workspaces(items, beside.or(odd).or(none));
            Ok((transport, Who { kind, scope }))
        }
        Err(Unanswered::Errors(..) | Unanswered::Refused(_)) => of_project(transport),
        Err(why) => Err((why, transport.sent())),
    }
}

fn of_project(transport: Transport<Question>) -> Result<(Transport<Question>, Who), (Unanswered, usize)> {
    let transport = transport.shown_as(Bearer::Header("Project-Access-Token"));
    match transport.ask::<ProjectToken>(Question::ProjectToken, &Variables::default()) {
        Ok(answer) => match answer.data.project_token {
            Some(placed) => {
                let scope =
                    Scope::Environment { project: placed.project_id, environment: placed.environment_id };
                Ok((transport, Who { kind: TokenKind::Project, scope }))
            }
            None => {
                Err((Unanswered::NotUnderstood("it does not say what the token is for"), transport.sent()))
            }
        },
        Err(why) => Err((why, transport.sent())),
    }
}
