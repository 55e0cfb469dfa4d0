//! What a provider says, made fit to be shown: it may hold anything, the credential that asked too.

use crate::domain::printable;
use crate::estate::Secret;
use sha2::{Digest, Sha256};

/// How many characters of a name are shown.
const LONGEST: usize = 120;
/// How long an id may be.
const LONGEST_ID: usize = 100;

/// The one way by which a provider's words come into a result.
pub struct Says<'s> {
    secret: &'s Secret,
}

impl<'s> Says<'s> {
    /// For what is answered to this credential.
    pub fn to(secret: &'s Secret) -> Self {
        Self { secret }
    }

    /// A name, without the credential, safe to print, and cut where it is long.
    pub fn name(&self, text: &str) -> String {
        // First replaced, then cut: what is replaced is shorter, and would bring what a cut left of the next into sight.
        let own = text.replace(self.secret.reveal(), "(secret)");
        let far = own.char_indices().nth(LONGEST + 1).map_or(own.len(), |(at, _)| at);
        let safe = printable(&own.as_bytes()[..far]);
        match safe.char_indices().nth(LONGEST) {
            Some((at, _)) => format!("{}…", &safe[..at]),
            None => safe,
        }
    }

    /// An id as it is, where it is made of what ids are made of; `None` for any other text, and for the credential.
    pub fn id<'t>(&self, text: &'t str) -> Option<&'t str> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        let fine = (1..=LONGEST_ID).contains(&text.len()) && text.bytes().all(fits);
        (fine && !text.contains(self.secret.reveal())).then_some(text)
    }

    /// What stands for an id that is none: the same for the same text, and nothing of the text itself.
    pub fn stand_in(text: &str) -> String {
        let digest: String =
            Sha256::digest(text.as_bytes()).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        format!("odd-{digest}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_short_and_safe_and_never_holds_the_credential() {
        let secret = Secret::new("0123-canary");
        let says = Says::to(&secret);
        assert_eq!(says.name("a\u{1b}b\n"), "a\\eb\\n");
        assert_eq!(says.name("x0123-canaryy"), "x(secret)y");
        assert_eq!(says.name(&"ä".repeat(10_000)).chars().count(), LONGEST + 1);
        // Cut in the middle of it, it would still tell a part, however often it comes before that.
        for (times, before) in (0..6).flat_map(|times| (0..LONGEST + 2).map(move |before| (times, before))) {
            let text = format!("{}{}0123-canary", "0123-canary".repeat(times), "x".repeat(before));
            for text in [&text, &format!("{text}{text}")] {
                let said = says.name(text);
                assert!(!said.contains("0123") && !said.contains("canary"), "{said}");
            }
        }
    }

    #[test]
    fn only_what_is_an_id_counts_as_one() {
        let secret = Secret::new("0123-canary");
        let says = Says::to(&secret);
        assert_eq!(says.id("3d2c42fb-0000_A"), Some("3d2c42fb-0000_A"));
        for odd in ["", "a b", "../x", "ä", "a\"", "0123-canary", "x0123-canary", &"a".repeat(101)] {
            assert_eq!(says.id(odd), None, "{odd}");
        }
        assert_eq!(Says::stand_in("../x"), Says::stand_in("../x"));
        assert!(Says::stand_in("../x").starts_with("odd-") && Says::stand_in("a") != Says::stand_in("b"));
    }
}
