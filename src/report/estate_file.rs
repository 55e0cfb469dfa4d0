//! A first outlive.toml, with what was seen of a machine as comments beside what is proposed.

use crate::domain::Timestamp;

/// A volume that is proposed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProposedVolume {
    /// What it is to be called.
    pub id: String,
    /// Where it is.
    pub path: String,
    /// What was seen there, in words that are safe to print.
    pub what: String,
    /// What was seen of its recovery points, a sentence each.
    pub seen: Vec<String>,
    /// The version, where it is the data directory of a PostgreSQL.
    pub postgres: Option<String>,
    /// Why it cannot stand in the file as it is: then it stands there as a comment.
    pub refused: Option<String>,
}

/// A provider that can be asked with a token that the environment offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProposedProvider {
    /// What it is to be called.
    pub id: String,
    /// Its kind.
    pub kind: String,
    /// The name of the variable that holds the token.
    pub variable: String,
}

/// Everything that is proposed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposed {
    /// When the machine was looked at.
    pub at: Timestamp,
    /// Its name, safe to print.
    pub host: String,
    /// The volumes.
    pub volumes: Vec<ProposedVolume>,
    /// The providers.
    pub providers: Vec<ProposedProvider>,
    /// Variables of the environment that hold other credentials, by their names.
    pub others: Vec<String>,
    /// What could not be seen, safe to print.
    pub gaps: Vec<String>,
}

const POLICY: &str = r#"
# What must hold for every volume that names no policy of its own.
[policy.default]
rpo = "26h"                     # how old the newest copy that is left may be: a nightly one, and two hours for it
rto = "4h"                      # how long a restore may take
drill_every = "30d"             # how often a restore is tried; this is a finding until there are drills (docs/drills.md)
"#;

const NO_VAULT: &str = r#"
# Where copies go: another machine, another account, best a bucket under Object Lock (docs/stores.md). Until there is one, audits fail.
# [[vault]]
# id = "offsite"
# kind = "s3"
# endpoint = "https://s3.example"
# bucket = "example-outlive"
# region = "eu-central-1"
# writer = { env = "OFFSITE_WRITER" }
# stands_on = { provider = "PROVIDER", account = "ACCOUNT", region = "REGION", owner = "NAME" }
"#;

/// The text of the file.
pub fn estate_file(proposed: &Proposed) -> String {
    let mut out = format!(
        "# A first outlive.toml for {}, made by `outlive init` at {}.\n\
         # Read it, correct it, and run `outlive audit`. docs/configuration.md has every key.\n",
        proposed.host,
        proposed.at.format("%Y-%m-%d %H:%M UTC")
    );
    for gap in &proposed.gaps {
        out.push_str(&format!("# Not seen: {gap}\n"));
    }
    out.push_str(
        "\n# What this machine stands on. Nothing on it can look that up.\n\
         # [host]\n# stands_on = { provider = \"PROVIDER\", account = \"ACCOUNT\", region = \"REGION\", owner = \"NAME\" }\n",
    );
    out.push_str(POLICY);
    let classes = ["primary-deletion", "file", "filesystem", "device", "host"];
    let more = (!proposed.providers.is_empty()).then_some("credential");
    let survive: Vec<String> = classes.into_iter().chain(more).map(quoted).collect();
    out.push_str(&format!("survive = [{}]\n", survive.join(", ")));
    proposed.providers.iter().for_each(|one| out.push_str(&provider(one)));
    out.push_str(&others(&proposed.others));
    if proposed.volumes.is_empty() {
        out.push_str("\n# Nothing was found that looks like a volume. Name what would be missed:\n# [[volume]]\n# id = \"NAME\"\n# path = \"/PATH\"\n");
    }
    proposed.volumes.iter().for_each(|one| out.push_str(&volume(one)));
    out.push_str(NO_VAULT);
    proposed.volumes.iter().for_each(|one| out.push_str(&copy(one)));
    out
}

fn provider(one: &ProposedProvider) -> String {
    format!(
        "\n# ${} is set here. It is asked what it reaches, and can do all of that: `outlive credentials` says what it can destroy.\n\
         [[provider]]\nid = {}\nkind = {}\ntoken = {{ env = {} }}\n",
        one.variable,
        quoted(&one.id),
        quoted(&one.kind),
        quoted(&one.variable)
    )
}

fn others(names: &[String]) -> String {
    if names.is_empty() {
        return String::new();
    }
    let set: Vec<String> = names.iter().map(|name| format!("${name}")).collect();
    format!(
        "\n# Also set here: {}. What these may delete is not asked, only declared (docs/configuration.md):\n\
         # [[asset]]\n# kind = \"credential\"\n# name = \"NAME\"\n# owner = \"NAME\"\n# yielded_by = []\n",
        set.join(", ")
    )
}

fn volume(one: &ProposedVolume) -> String {
    let mut out = format!("\n# {}\n", one.what);
    for sentence in &one.seen {
        out.push_str(&format!("# {sentence}\n"));
    }
    if let Some(why) = &one.refused {
        out.push_str(&format!("# It cannot be named here: {why}\n"));
        return out;
    }
    out.push_str(&format!("[[volume]]\nid = {}\npath = {}\n", quoted(&one.id), quoted(&one.path)));
    out.push_str("# owner = \"NAME\"                # who answers for it\n");
    out
}

/// How it would be copied, once there is a vault.
fn copy(one: &ProposedVolume) -> String {
    if one.refused.is_some() {
        return String::new();
    }
    let from = one.postgres.as_ref().map_or_else(String::new, |_| {
        format!(
            "# from = {{ command = [\"runuser\", \"-u\", \"postgres\", \"--\", \"pg_dumpall\"], file = {} }}   # not the files of a running server\n",
            quoted(&format!("{}.sql", one.id))
        )
    });
    format!(
        "\n# [[copy]]\n# volume = {}\n{from}# to = \"offsite\"\n# every = \"24h\"\n# at = \"02:00\"                    # UTC\n",
        quoted(&one.id)
    )
}

/// A text as TOML has it.
pub fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            letter if letter.is_control() || !letter.is_ascii() && letter.is_whitespace() => {
                out.push_str(&format!("\\U{:08X}", u32::from(letter)));
            }
            letter => out.push(letter),
        }
    }
    out + "\""
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_path_holds_it_is_read_back_as_it_was() {
        for text in ["/srv", "a\"b", "a\\b", "a\nb", "\u{7f}\u{0}\t", "ä\u{2028}\u{85}", "'''\"\"\""] {
            let file = format!("a = {}", quoted(text));
            let read: toml::Table = toml::from_str(&file).unwrap_or_else(|error| panic!("{file}: {error}"));
            assert_eq!(read["a"].as_str(), Some(text));
        }
    }
}
