//! By what a token is told from other text: what providers themselves say that theirs begin with, and how they go on.

/// A shape of tokens.
#[derive(Debug, PartialEq, Eq)]
pub struct Shape {
    /// What such a token is.
    pub kind: &'static str,
    /// What it begins with.
    prefix: &'static str,
    /// What the rest is made of, and how long that is at least.
    rest: (Letters, usize),
}

/// What a token is made of behind its beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Letters {
    /// A to Z and 2 to 7 or all digits.
    Upper,
    /// 0 to 9, a to f.
    Hex,
    /// Letters and digits.
    Plain,
    /// These, and `_`, `-`, `.`.
    Wide,
    /// These, and what base64 has besides.
    Base64,
}

impl Letters {
    fn has(self, byte: u8) -> bool {
        match self {
            Self::Upper => byte.is_ascii_uppercase() || byte.is_ascii_digit(),
            Self::Hex => byte.is_ascii_hexdigit(),
            Self::Plain => byte.is_ascii_alphanumeric(),
            Self::Wide => byte.is_ascii_alphanumeric() || b"_-.".contains(&byte),
            Self::Base64 => byte.is_ascii_alphanumeric() || b"_-+/=,".contains(&byte),
        }
    }
}

const fn shape(kind: &'static str, prefix: &'static str, letters: Letters, least: usize) -> Shape {
    Shape { kind, prefix, rest: (letters, least) }
}

use Letters::{Base64, Hex, Plain, Upper, Wide};

/// Every shape that tells itself by its beginning; of those that begin alike, the longer one first.
const SHAPES: &[Shape] = &[
    shape("AWS access key", "AKIA", Upper, 16),
    shape("AWS temporary access key", "ASIA", Upper, 16),
    shape("GitHub personal access token", "ghp_", Plain, 36),
    shape("GitHub OAuth token", "gho_", Plain, 36),
    shape("GitHub user-to-server token", "ghu_", Plain, 36),
    shape("GitHub server-to-server token", "ghs_", Plain, 36),
    shape("GitHub refresh token", "ghr_", Plain, 36),
    shape("GitHub fine-grained token", "github_pat_", Wide, 36),
    shape("GitLab token", "glpat-", Wide, 20),
    shape("DigitalOcean personal access token", "dop_v1_", Hex, 64),
    shape("DigitalOcean OAuth token", "doo_v1_", Hex, 64),
    shape("DigitalOcean refresh token", "dor_v1_", Hex, 64),
    shape("Fly.io token", "fo1_", Wide, 30),
    shape("Fly.io token", "fm1_", Base64, 30),
    shape("Fly.io token", "fm2_", Base64, 30),
    shape("Supabase access token", "sbp_", Hex, 40),
    shape("Supabase secret key", "sb_secret_", Wide, 20),
    shape("Neon API key", "napi_", Plain, 40),
    shape("PlanetScale service token", "pscale_tkn_", Wide, 32),
    shape("PlanetScale OAuth token", "pscale_oauth_", Wide, 32),
    shape("PlanetScale password", "pscale_pw_", Wide, 32),
    shape("Stripe secret key", "sk_live_", Plain, 16),
    shape("Stripe secret key (test)", "sk_test_", Plain, 16),
    shape("Stripe restricted key", "rk_live_", Plain, 16),
    shape("Stripe restricted key (test)", "rk_test_", Plain, 16),
    shape("Stripe webhook secret", "whsec_", Base64, 24),
    shape("Heroku API key", "HRKU-", Wide, 30),
    shape("Render API key", "rnd_", Plain, 24),
    shape("Slack bot token", "xoxb-", Wide, 20),
    shape("Slack user token", "xoxp-", Wide, 20),
    shape("Slack app token", "xapp-", Wide, 20),
    shape("npm token", "npm_", Plain, 36),
    shape("PyPI token", "pypi-", Wide, 50),
    shape("Google API key", "AIza", Wide, 35),
    shape("HashiCorp Vault token", "hvs.", Wide, 24),
    shape("age private key", "AGE-SECRET-KEY-1", Upper, 58),
    shape("age private key (post-quantum)", "AGE-SECRET-KEY-PQ-1", Upper, 58),
];

/// What stands before the name of a private key in PEM, and behind it.
const PEM: (&[u8], &[u8]) = (b"-----BEGIN ", b"PRIVATE KEY");
/// How a token of Railway looks: a UUID, which anything may be.
const GROUPS: [usize; 5] = [8, 4, 4, 4, 12];

/// The kind of a token of Railway, which is told by the name of the variable that it is given to.
pub const RAILWAY: &str = "Railway token";
/// The same of the secret half of a pair of AWS.
const AWS_SECRET: &str = "AWS secret access key";

/// A token in some text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// Where it begins.
    pub at: usize,
    /// Behind its end.
    pub end: usize,
    /// What it is.
    pub kind: &'static str,
}

/// All tokens in a piece of text, in order. None lies within another.
pub fn hits(text: &[u8]) -> Vec<Hit> {
    let mut hits = Vec::new();
    let mut at = 0;
    while at < text.len() {
        match hit(text, at) {
            Some(hit) => {
                at = hit.end.max(at + 1);
                hits.push(hit);
            }
            None => at += 1,
        }
    }
    hits
}

fn hit(text: &[u8], at: usize) -> Option<Hit> {
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    if text[at..].starts_with(PEM.0) {
        return pem(text, at);
    }
    // In the middle of a word it is something else.
    if at > 0 && is_word(&text[at - 1]) || !text[at].is_ascii_alphanumeric() && !b"/+".contains(&text[at]) {
        return None;
    }
    prefixed(text, at).or_else(|| railway(text, at)).or_else(|| aws_secret(text, at))
}

fn run(text: &[u8], at: usize, letters: Letters) -> usize {
    text[at..].iter().take_while(|byte| letters.has(**byte)).count()
}

fn prefixed(text: &[u8], at: usize) -> Option<Hit> {
    let found = SHAPES.iter().find_map(|shape| {
        let begin = at + shape.prefix.len();
        let (letters, least) = shape.rest;
        let fits = text[at..].starts_with(shape.prefix.as_bytes()) && run(text, begin, letters) >= least;
        fits.then(|| (shape, begin + run(text, begin, letters)))
    });
    let (shape, end) = found?;
    // A key id of AWS has a fixed length: what goes on is a longer word.
    let fixed = shape.kind.starts_with("AWS") && end != at + 20;
    (!fixed).then_some(Hit { at, end, kind: shape.kind })
}

fn pem(text: &[u8], at: usize) -> Option<Hit> {
    let line = &text[at..text.len().min(at + 80)];
    let line = line.split(|byte| *byte == b'\n').next()?;
    let place = line.windows(PEM.1.len()).position(|window| window == PEM.1)?;
    Some(Hit { at, end: at + place + PEM.1.len(), kind: "private key (PEM)" })
}

fn railway(text: &[u8], at: usize) -> Option<Hit> {
    let mut end = at;
    for (number, length) in GROUPS.into_iter().enumerate() {
        if number > 0 {
            text.get(end).filter(|byte| **byte == b'-')?;
            end += 1;
        }
        let group = text.get(end..end + length)?;
        if !group.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        end += length;
    }
    let goes_on = text.get(end).is_some_and(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(byte));
    let named = named(text, at, |name| name.contains("RAILWAY") && name.contains("TOKEN"));
    (!goes_on && named).then_some(Hit { at, end, kind: RAILWAY })
}

fn aws_secret(text: &[u8], at: usize) -> Option<Hit> {
    let length = text[at..]
        .iter()
        .take(41)
        .take_while(|byte| byte.is_ascii_alphanumeric() || b"/+".contains(byte))
        .count();
    let is_begin = at == 0 || !(text[at - 1].is_ascii_alphanumeric() || b"/+".contains(&text[at - 1]));
    let named =
        || named(text, at, |name| name.contains("SECRET_ACCESS_KEY") || name.contains("SECRETACCESSKEY"));
    (length == 40 && is_begin && named()).then(|| Hit { at, end: at + 40, kind: AWS_SECRET })
}

/// How far before a value its name may stand.
const BEFORE: usize = 120;

/// Whether the name that a value is given to, on its own line, is such a one. Case does not count.
fn named(text: &[u8], at: usize, is_one: impl Fn(&str) -> bool) -> bool {
    let before = &text[at.saturating_sub(BEFORE)..at];
    let line = before.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
    let between = |byte: &u8| b" \t\"'`=:,>(){}[]".contains(byte);
    let end = line.iter().rposition(|byte| !between(byte)).map_or(0, |last| last + 1);
    if end == line.len() {
        return false;
    }
    let name = &line[..end];
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-.".contains(byte);
    let from = name.iter().rposition(|byte| !is_name(byte)).map_or(0, |last| last + 1);
    let name = String::from_utf8_lossy(&name[from..]).to_ascii_uppercase();
    is_one(&name.replace(['-', '.'], "_"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<&'static str> {
        hits(text.as_bytes()).into_iter().map(|hit| hit.kind).collect()
    }

    /// Made here, and of no use to anybody.
    fn made(shape: &Shape) -> String {
        let (letters, least) = shape.rest;
        let all: Vec<char> = (33..127_u8)
            .filter(|byte| letters.has(*byte))
            .map(char::from)
            .filter(|c| c.is_ascii_alphanumeric())
            .collect();
        let rest: String = (0..least).map(|number| all[(number * 7) % all.len()]).collect();
        format!("{}{rest}", shape.prefix)
    }

    #[test]
    fn every_shape_is_found_wherever_it_stands_and_nothing_shorter_is() {
        for shape in SHAPES {
            let token = made(shape);
            for text in [
                token.clone(),
                format!("x = \"{token}\""),
                format!("a,{token},b"),
                format!("\0\u{1}{token}\n"),
            ] {
                assert_eq!(kinds(&text), [shape.kind], "{}", shape.prefix);
            }
            let short = &token[..token.len() - 1];
            assert_eq!(kinds(short), [""; 0], "{short}");
            assert_eq!(kinds(&format!("my{token}")), [""; 0], "in the middle of a word");
        }
    }

    #[test]
    fn a_uuid_is_a_token_of_railway_only_by_the_name_of_its_variable() {
        let uuid = "c0ffee00-7e57-4000-8000-ca9a97000002";
        for text in [
            format!("RAILWAY_TOKEN={uuid}"),
            format!("export RAILWAY_API_TOKEN='{uuid}'"),
            format!("  \"railwayToken\": \"{uuid}\","),
            format!("railway.token: {uuid}"),
            format!("a\nRAILWAY_TOKEN = {uuid}\n"),
        ] {
            assert_eq!(kinds(&text), [RAILWAY], "{text}");
        }
        for text in [
            uuid.to_owned(),
            format!("PROJECT_ID={uuid}"),
            format!("RAILWAY_TOKEN=\n{uuid}"),
            format!("RAILWAY_TOKEN={uuid}0"),
            format!("RAILWAY_TOKEN={}", &uuid[1..]),
            format!("RAILWAY_TOKEN of {uuid}"),
        ] {
            assert_eq!(kinds(&text), [""; 0], "{text}");
        }
    }

    #[test]
    fn a_secret_of_aws_is_told_by_its_name_and_private_keys_by_their_first_line() {
        let secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
        assert_eq!(kinds(&format!("aws_secret_access_key = {secret}")), [AWS_SECRET]);
        assert_eq!(kinds(&format!("secretAccessKey: '{secret}'")), [AWS_SECRET]);
        assert_eq!(kinds(&format!("digest = {secret}")), [""; 0]);
        for name in ["", "RSA ", "EC ", "OPENSSH ", "ENCRYPTED "] {
            assert_eq!(kinds(&format!("a\n-----BEGIN {name}PRIVATE KEY-----\nMII")), ["private key (PEM)"]);
        }
        assert_eq!(kinds("-----BEGIN PGP PRIVATE KEY BLOCK-----"), ["private key (PEM)"]);
        assert_eq!(kinds("-----BEGIN PUBLIC KEY-----"), [""; 0]);
    }

    #[test]
    fn any_bytes_are_looked_through_without_a_panic() {
        let mut seed = 7_u64;
        for _ in 0..2_000 {
            let bytes: Vec<u8> = (0..200)
                .map(|_| {
                    seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    b"AKIA-BEGINPRVTghp_0123456789abcdef \n=RAILWAYTOKEN\0\xff"[(seed >> 33) as usize % 50]
                })
                .collect();
            for hit in hits(&bytes) {
                assert!(hit.at < hit.end && hit.end <= bytes.len());
            }
        }
    }
}
