//! The page that a break-glass kit begins with.

use super::block::{Block, Line, StepBlock};
use super::facts::{RunbookVault, Runbooks};
use super::page::moment;
use super::{ASKS, PageFormat, command, html, markdown};

/// The first page of a kit for one vault, with the commands that make it reachable.
pub fn kit_page(
    made: &Runbooks,
    (vault, reach): (&RunbookVault, &[String]),
    sums: &str,
    format: PageFormat,
) -> String {
    let title = format!("Break-glass kit: the vault {}", vault.name);
    let mut blocks = vec![
        Block::Heading(1, title.clone()),
        Block::Warn(format!("Made at {}. The runbooks in it are believed until {}; a newer kit or page comes first.", moment(made.generated_at), moment(made.believe_until)).into()),
        Block::Say("Data is gone, and this is what is left to bring it back with. Breathe. Read to the end before typing.".into()),
        Block::Heading(2, "What is here".into()),
    ];
    let file = |name: &str, what: &str| Line::default().code(name).and(format!(": {what}"));
    blocks.push(Block::List(vec![
        file(
            "runbooks/ALL.md",
            "what to do, in which order, for all volumes; a page for each beside it, and .html for printing",
        ),
        file("outlive", "the program"),
        file(
            "vault-README.md",
            "how to restore with standard tools alone, as the vault itself says it. Those tools are not here: install them where you need that way (zstd, jq; age for an encrypted vault; rclone for a bucket)",
        ),
        file("vault.json", "what the vault says of itself; public"),
        file("escrow.md", "how the private key is had, and the credential that reads the vault"),
        file("SHA256SUMS", "tells a stick that has gone bad: sha256sum -c SHA256SUMS"),
    ]));
    is_it_this(&mut blocks, sums);
    blocks.push(Block::Heading(2, "The vault".into()));
    blocks.push(Block::Table(vec!["fact", "value"], facts(vault)));
    blocks.push(Block::Heading(2, "First steps".into()));
    let step = |what: &str, commands: Vec<String>| StepBlock { says: vec![what.into()], commands };
    blocks.push(Block::Steps(vec![
        step("Stop the bleeding first, at best somebody else at the same time: runbooks/ALL.md, part 1. No backup host is reached before pruning is suspended; where nobody can do that, go on: what is locked outlives it.", vec![]),
        StepBlock {
            says: vec![
                Line::from("Take a clean machine that the incident did not touch, and copy this directory to it, for example by ")
                    .code("cp -r . /srv/kit")
                    .and(". Type bash, and go into the copy. Check it there."),
            ],
            commands: vec!["sha256sum -c SHA256SUMS".into()],
        },
        step("Put the program where commands are found in this shell.", vec!["chmod +x outlive".into(), "export KIT=\"$PWD\" PATH=\"$PWD:$PATH\"".into(), "outlive --version".into()]),
        StepBlock {
            says: vec![
                "Get the credential that reads the vault, and the private key where one is needed: escrow.md says how.".into(),
                "Where the key is a file, its whole path is asked for later.".into(),
                Line::from("Where the key is on paper, type ")
                    .code("(umask 077; cat >\"$HOME/reader.key\")")
                    .and(" and Enter, then the line that begins with AGE-SECRET-KEY-1, Enter, and Ctrl-D. The path that is asked for later is then the one that ")
                    .code("ls \"$HOME/reader.key\"")
                    .and(" prints."),
            ],
            commands: Vec::new(),
        },
        step(&format!("Tell the shell where the vault is. {ASKS}"), reach.to_vec()),
        step("See what the vault has. Must be seen: a line for each volume. The state stored, and that newer points cannot be ruled out (freshness unproven), are as they should be on a new machine. Where 403, SignatureDoesNotMatch or InvalidAccessKeyId is said, id or secret is mistyped: type unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY, and do the step before again, which asks for both anew.", vec![command(["outlive", "vault", "list", &vault.address])]),
        step("Go on with runbooks/ALL.md, in its order, in this same shell. Each way back begins with a directory of its own: go first where there is room, not on this stick, for example with cd /srv. Where the page is stale, a newer one may lie in the vault, below runbooks/: vault-README.md says under Runbooks how it is opened, once the vault was fetched as in the first two steps of a way by hand.", vec![]),
    ]));
    match format {
        PageFormat::Markdown => markdown::markdown(&blocks),
        PageFormat::Html => html::html(&title, &blocks, made.believe_until),
    }
}

/// What is compared with a stick: on paper, nobody changes it together with the rest.
fn is_it_this(blocks: &mut Vec<Block>, sums: &str) {
    blocks.push(Block::Heading(2, "Is it the kit that was made?".into()));
    blocks.push(Block::Say("Whoever changes a file of a stick can change SHA256SUMS with it. So this page is printed, and kept where the stick is not: what tells is the SHA-256 on paper. Compare the lines of the file SHA256SUMS with these, the program's first; START-HERE itself is not among them. Where one differs, use another kit, or the way by hand. A runbook that was printed at another time than this kit was made is another file: the 12 digits in the head of each page, which outlive computes, say whether both tell people to do the same.".into()));
    let rows = sums
        .lines()
        .filter_map(|line| line.split_once("  "))
        .map(|(sum, name)| vec![Line::default().code(name), Line::default().code(sum)]);
    blocks.push(Block::Table(vec!["file", "SHA-256"], rows.collect()));
}

fn facts(vault: &RunbookVault) -> Vec<Vec<Line>> {
    let unknown = || "unknown".to_owned();
    let list = |all: &[String], none: &str| if all.is_empty() { none.to_owned() } else { all.join("  ") };
    let row = |fact: &str, value: String| vec![fact.into(), Line::default().code(value)];
    vec![
        row("address", vault.address.clone()),
        row("endpoint", vault.endpoint.clone().unwrap_or_else(|| "AWS's own, or a directory".into())),
        row("region", vault.region.clone().unwrap_or_else(|| "none is known".into())),
        row(
            "the bucket is addressed",
            vault.addressing.clone().unwrap_or_else(|| "as is usual there".into()),
        ),
        row("identity", vault.id.clone().unwrap_or_else(unknown)),
        row("lost with any of", list(&vault.stands_on, "unknown")),
        row("lock", vault.lock.clone()),
        row("opens for", list(&vault.readers, "everybody who can read it: it is not encrypted")),
        row("signatures that count", list(&vault.trust, "no key is pinned")),
        row(
            "the lost machine read it with (not for tonight: escrow.md says what is)",
            vault.reader_credential.clone().unwrap_or_else(|| "none is needed".into()),
        ),
    ]
}

/// How the private key and the credential that reads are had, as the estate file says it, or with lines to fill in.
pub fn escrow_page(vault: &RunbookVault, escrow: Option<&str>, reading: Option<&str>) -> String {
    let mut blocks = vec![Block::Heading(1, format!("What opens the vault {}", vault.name))];
    let written = |blocks: &mut Vec<Block>, text: &str| {
        blocks
            .extend(text.lines().filter(|line| !line.trim().is_empty()).map(|line| Block::Say(line.into())));
    };
    let to_fill_in = |blocks: &mut Vec<Block>, what: &str, blanks: &[&str]| {
        blocks.push(Block::Warn(
            format!("Nobody wrote down how {what} is had. Fill this in by hand, today:").into(),
        ));
        let line = |blank: &&str| format!("{blank}: ............................").into();
        blocks.push(Block::List(blanks.iter().map(line).collect()));
    };
    blocks.push(Block::Heading(2, "The private key".into()));
    if vault.readers.is_empty() {
        blocks.push(Block::Say("The vault is not encrypted: no private key is needed.".into()));
    } else {
        blocks.push(Block::Say(Line::from("It opens for any one of: ").code(vault.readers.join("  "))));
        match escrow {
            Some(text) => written(&mut blocks, text),
            None => {
                let blanks = ["The key lies in", "It is opened by", "together with", "Instead of them"];
                to_fill_in(&mut blocks, "the key", &blanks);
            }
        }
    }
    if vault.address.starts_with("s3://") {
        blocks.push(Block::Heading(2, "The credential that reads it".into()));
        match reading {
            Some(text) => written(&mut blocks, text),
            None => {
                to_fill_in(&mut blocks, "it", &["The key id and its secret lie in", "They are given out by"])
            }
        }
    }
    markdown::markdown(&blocks)
}
