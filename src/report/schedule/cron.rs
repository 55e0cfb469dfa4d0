//! A line for cron, as crontab(5) says.

use super::order::text_of;
use super::{Night, STATE, Scheduled, ScheduledFile};
use crate::domain::Result;
use std::path::Path;

/// A crontab; with a user, one for `/etc/cron.d`, which has a field for it. Two runs at once are told apart by
/// outlive's own lock, so the line needs none.
///
/// # Errors
/// `Usage` where a path or user cannot stand in a crontab: control characters, backslashes, names that are no UTF-8.
pub fn cron(night: &Night<'_>) -> Result<Scheduled> {
    let arguments = night.arguments();
    let words = std::iter::once(&night.binary).chain(&arguments).map(|path| word(path));
    let command = words.collect::<Result<Vec<String>>>()?.join(" ");
    let user = night.checked_user()?.map_or(String::new(), |user| format!("{user} "));
    let content = format!(
        "# outlive every night. cron mails what it prints, and runs nothing that was missed: let a ping tell of silence.\n\
         SHELL=/bin/sh\n\
         PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n\
         MAILTO=root\n\
         {} {} * * * {user}{command}\n",
        night.at.minute, night.at.hour
    );
    let step = match night.user {
        Some(_) => "copy it to /etc/cron.d/outlive, owned by root, mode 0644",
        None => "add it to root's crontab with: crontab -e",
    };
    let mut to_install = vec![step.to_owned()];
    if let (Some(user), None) = (night.checked_user()?, &night.state) {
        to_install.push(format!("make its state directory: install -d -m 0700 -o {user} {STATE}"));
        to_install
            .push(format!("commands that {user} runs by hand see what the nights did with --state {STATE}"));
    }
    if !night.credentials()?.is_empty() {
        to_install.push(
            "the configuration takes secrets from systemd credentials, which cron does not have: name files instead"
                .to_owned(),
        );
    }
    let files = vec![ScheduledFile { name: "outlive.cron".to_owned(), content }];
    Ok(Scheduled { files, to_install, written_to: None })
}

/// A word for the shell; `%` would end the command for cron, which takes the backslash before it away again.
fn word(path: &Path) -> Result<String> {
    let text = text_of(path, |c| !c.is_control() && c != '\\')?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+=:@,".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return Ok(text.to_owned());
    }
    // Outside of quotes in one place only: an apostrophe is quoted by the other sort.
    Ok(format!("'{}'", text.replace('\'', "'\"'\"'").replace('%', "\\%")))
}
