//! The page as blocks, from the choice of a point to the review.

use super::block::{Block, Line, StepBlock};
use super::command;
use super::facts::{Escalation, Procedure, Runbook, RunbookVault, Runbooks, Step};
use super::page::{measured, moment, span};
use crate::domain::say_duration;
use chrono::TimeDelta;

pub(super) fn blocks(out: &mut Vec<Block>, all: &Runbooks, runbook: &Runbook) {
    choose(out, all, runbook);
    restore(out, all, runbook);
    accept(out, runbook);
    escalate(out, &runbook.providers);
    speak(out, all);
    review(out);
}

fn choose(out: &mut Vec<Block>, all: &Runbooks, runbook: &Runbook) {
    out.push(Block::Heading(2, "4. Choose a point before the damage".into()));
    let mut lines = vec![
        Line::from("When did the damage begin? Not when it was noticed. Time, by the logs: ............ UTC"),
        Line::from(
            "Take the newest copy that was taken before that, and that the loss did not reach (table above). With deletion alone that is the newest; with bad data or an intruder it is an older one.",
        ),
        Line::from("See all there are, in each vault: ").code(addresses(all, runbook).join("; ")),
        Line::from(
            "Digests, and signatures where keys are pinned, are verified before anything is used: outlive does that by itself.",
        ),
    ];
    let trust: Vec<&str> =
        all.vaults.iter().flat_map(|vault| vault.trust.iter().map(String::as_str)).collect();
    lines.push(match trust.as_slice() {
        [] => Line::default().strong("No signing key is pinned").and(": who may write to a vault can add a copy of their own. Compare the id with this page, printed before."),
        some => Line::from("Keys whose signatures count: ")
            .code(some[0])
            .and(if some.len() > 1 { " and others" } else { "" })
            .and(". A point that nobody of these signed is given where --point names it, as the commands below do, and that is said: stop there."),
    });
    if runbook.procedures.is_empty() {
        lines.push(Line::default().strong("No copy in a vault can be proposed."));
    } else {
        lines.push("The commands below name the newest copy that can be counted on. For another one, put its id in their place.".into());
    }
    out.push(Block::List(lines));
}

/// The commands that list what there is.
fn addresses(all: &Runbooks, runbook: &Runbook) -> Vec<String> {
    let is_used =
        |vault: &&RunbookVault| runbook.procedures.iter().any(|procedure| procedure.vault == vault.name);
    let listed =
        all.vaults.iter().filter(is_used).map(|vault| command(["outlive", "vault", "list", &vault.address]));
    match listed.collect::<Vec<_>>() {
        none if none.is_empty() => vec!["outlive vault list VAULT".into()],
        some => some,
    }
}

fn restore(out: &mut Vec<Block>, all: &Runbooks, runbook: &Runbook) {
    out.push(Block::Heading(2, "5. Bring it back".into()));
    let time = match &runbook.measured {
        Some(measured_at) => format!(
            "Measured: {} until the data was restored and checked, by the drill {} on {}; allowed are {}.",
            measured(Some(measured_at.seconds)),
            measured_at.drill,
            moment(measured_at.at),
            span(runbook.rto_seconds)
        ),
        None => format!(
            "How long it takes was not measured: no drill of this volume passed. Allowed are {}.",
            span(runbook.rto_seconds)
        ),
    };
    out.push(Block::Say(Line::default().strong(time).and(format!(
        " Drills: {}: {}.",
        runbook.drill.outcome.word(),
        runbook.drill.detail
    ))));
    if runbook.procedures.is_empty() {
        out.push(Block::Warn("There is no copy in a vault that commands could be written for: ask the provider, and look at the copies above.".into()));
    }
    if runbook.procedures.len() > 1 {
        out.push(Block::Say(
            Line::default()
                .strong("ONE way is enough.")
                .and(" Take the first that fits; the others are for when it fails:"),
        ));
        let way = |(place, procedure): (usize, &Procedure)| {
            Line::default()
                .strong(format!("Way {}", letter(place)))
                .and(format!(", from the vault {}, where {}", procedure.vault, procedure.when))
        };
        out.push(Block::List(runbook.procedures.iter().enumerate().map(way).collect()));
    }
    for (place, procedure) in runbook.procedures.iter().enumerate() {
        let letter = letter(place);
        let vault = all.vaults.iter().find(|vault| vault.name == procedure.vault);
        write(out, letter, procedure, (vault, all));
    }
}

/// What the way at this place is called.
fn letter(place: usize) -> char {
    char::from(b'A' + u8::try_from(place.min(25)).unwrap_or_default())
}

fn write(
    out: &mut Vec<Block>,
    letter: char,
    procedure: &Procedure,
    (vault, all): (Option<&RunbookVault>, &Runbooks),
) {
    out.push(Block::Heading(3, format!("Way {letter}: {}", procedure.title)));
    out.push(Block::Say("On a clean machine that the incident did not touch, in one bash (that of START-HERE.md, or a new one), from the top to the bottom; stop where something is not as it says.".into()));
    let mut lines: Vec<Line> = procedure
        .fill_in
        .iter()
        .map(|fill| Line::default().strong("You need:").and(format!(" {fill}")))
        .collect();
    if let Some(vault) = vault.filter(|vault| !vault.readers.is_empty()) {
        lines.push(Line::from("It opens for: ").code(vault.readers.join("  ")));
        lines.push(match &all.escrow {
            Some(text) => Line::from("The private key, where nobody has it at hand: ").strong(in_one(text)),
            None => Line::from("How the private key is had is written nowhere: ............"),
        });
    }
    if vault.is_some_and(|vault| vault.address.starts_with("s3://")) {
        lines.push(match &all.reading {
            Some(text) => Line::from("The credential that reads the vault: ").strong(in_one(text)),
            None => {
                Line::from("How a credential that reads the vault is had is written nowhere: ............")
            }
        });
    }
    if !lines.is_empty() {
        out.push(Block::List(lines));
    }
    out.push(Block::Steps(procedure.steps.iter().map(step).collect()));
}

fn in_one(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines.join(" / ")
}

fn step(step: &Step) -> StepBlock {
    let mut says: Vec<Line> = vec![Line::told(&step.what)];
    if !step.commands.is_empty() {
        says.push(
            Line::from("Time: ")
                .and(match step.seconds {
                    Some(seconds) => format!("{} when last measured", measured(Some(seconds))),
                    None => "not measured".into(),
                })
                .and(". Begun at ............"),
        );
    }
    says.extend(step.expect.as_ref().map(|expect| {
        let Line(seen) = Line::told(&format!(" {expect}"));
        let mut line = Line::default().strong("Must be seen:");
        line.0.extend(seen);
        line
    }));
    StepBlock { says, commands: step.commands.clone() }
}

fn accept(out: &mut Vec<Block>, runbook: &Runbook) {
    let checks = &runbook.checks;
    out.push(Block::Heading(2, "6. Accept it".into()));
    out.push(Block::Say("At least two checks that know nothing of each other, then records from outside: a bank statement, a log of another system, a customer who looks.".into()));
    if checks.len() < 2 {
        let missing = "Fewer than two checks are written down for this volume. Add them to a drill (docs/drills.md); tonight, the row about the newest that came back is the second one: let somebody look at it who knows the data, before anybody works with it.";
        out.push(Block::Warn(missing.into()));
    }
    // A bar would end the cell of a table, also in what is typed.
    let mut below = Vec::new();
    let rows = checks.iter().chain(&runbook.counted).chain(&runbook.newest).map(|check| {
        let command = match &check.command {
            None => "–".into(),
            Some(command) if command.contains('|') => {
                let says = vec![Line::told(&check.what)];
                let commands = command.lines().map(str::to_owned).collect();
                below.push(StepBlock { says, commands });
                format!("below, {}", below.len()).into()
            }
            Some(command) => Line::default().code(command),
        };
        vec![Line::told(&check.what), command, check.from.as_str().into(), "☐ ........".into()]
    });
    let mut rows: Vec<Vec<Line>> = rows.collect();
    let by_hand = |what: &str| vec![what.into(), "–".into(), "always".into(), "☐ ........".into()];
    if runbook.newest.is_none() {
        rows.push(by_hand(
            "the newest thing that somebody remembers is there, and it is the age that the copy has",
        ));
    }
    rows.push(by_hand("something counted outside agrees: orders, invoices, users, mails since then"));
    out.push(Block::Table(vec!["check", "command", "from", "seen by, at"], rows));
    if !below.is_empty() {
        out.push(Block::Steps(below));
    }
    out.push(Block::Say("Accepted by ............ at ............ UTC. Only then point anything at it; keep what is left of the primary.".into()));
}

fn escalate(out: &mut Vec<Block>, providers: &[Escalation]) {
    out.push(Block::Heading(2, "7. The provider".into()));
    out.push(Block::Say("Ask at once, beside the restore and not after it: what a provider can undo, it can undo for hours or days. Say: what was deleted, its id, when, by which call, that nothing of it may be purged. Ticket: ............ at ............".into()));
    if providers.is_empty() {
        out.push(Block::Warn(
            "Which provider holds this volume is unknown: find out, and ask at once.".into(),
        ));
    }
    for provider in providers {
        out.push(Block::Heading(3, format!("{}: {}", provider.provider, provider.holds)));
        if provider.statements.is_empty() {
            out.push(Block::Warn("What this provider can undo is unknown: ask at once.".into()));
            continue;
        }
        let rows = provider.statements.iter().map(|one| {
            let window = match one.undelete_seconds.and_then(|seconds| i64::try_from(seconds).ok()) {
                Some(seconds) => say_duration(TimeDelta::try_seconds(seconds).unwrap_or_default()),
                None => "unknown: ask at once".into(),
            };
            vec![
                one.kind.as_str().into(),
                format!("{}: {}", one.about, one.says).into(),
                Line::default().strong(window),
                one.note.as_str().into(),
                format!("{}; {}", one.certainty, one.source).into(),
            ]
        });
        let head = vec!["kind", "what happens", "undone within", "conditions", "known from"];
        out.push(Block::Table(head, rows.collect()));
    }
}

fn speak(out: &mut Vec<Block>, all: &Runbooks) {
    out.push(Block::Heading(2, "8. Who must hear of it, and by when".into()));
    out.push(Block::Say("First message within the hour, to those who wait: what is known, what is not, when the next one comes. No guess at causes, and no promise of a time that was not measured. Known at ............ UTC: the clocks below run from there or earlier.".into()));
    let rows = all.clocks.iter().map(|clock| {
        let known = match &clock.reviewed {
            Some(day) => format!("{} (reviewed {day})", clock.source),
            None => format!("{} (from memory, unreviewed)", clock.source),
        };
        vec![
            Line::default().strong(&clock.within),
            clock.whom.as_str().into(),
            format!("from {}; {}", clock.from, clock.then).into(),
            format!("{}: {}", clock.name, clock.applies).into(),
            known.into(),
            "............".into(),
        ]
    });
    let head = vec!["within", "tell", "counted from, and what follows", "concerns", "known from", "ends at"];
    out.push(Block::Table(head, rows.collect()));
    out.push(Block::Say(
        "Whether a clock concerns you is for a lawyer to say; none is stopped by not knowing.".into(),
    ));
}

fn review(out: &mut Vec<Block>) {
    out.push(Block::Heading(2, "9. Afterwards".into()));
    out.push(Block::List(vec![
        "Within a week, without blame: what happened when (the notes), what survived and why, where this page made somebody hesitate, how long each step took.".into(),
        Line::from("Write the measured times into the next drill, mend the page's cause in outlive.toml, and make the incident a replay: ").code("outlive rehearse --incident DIR"),
        "Start again what was frozen in step 1, one thing at a time, pruning last: only after a new copy was made and read back.".into(),
        "Take back every credential that was made for this restore. Remove restored data from machines where it does not belong, and the file with the private key, and the directories of each way with all that is in them (state, work, vault, dumps), from every machine that they were put on tonight.".into(),
    ]));
}
