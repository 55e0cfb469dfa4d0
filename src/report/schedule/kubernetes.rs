//! A CronJob of Kubernetes, `batch/v1`.

use super::order::text_of;
use super::{Night, Scheduled, ScheduledFile};
use crate::domain::{Kind, Problem, Result};
use std::path::Path;

/// A CronJob that runs `image`. In a pod outlive sees what the pod has mounted: it is for sources and vaults that are
/// reached over the network.
///
/// # Errors
/// `Usage` where the image is no name of one, or the program's path is no UTF-8.
pub fn kubernetes(night: &Night<'_>, image: &str) -> Result<Scheduled> {
    if image.is_empty() || !image.chars().all(|c| c.is_ascii_alphanumeric() || "/._-:@".contains(c)) {
        return Err(Problem::new(Kind::Usage, "this cannot be the name of an image")
            .remedy("name it as your registry does, for example registry.example/outlive:0.1.0"));
    }
    let command = argument(&night.binary)?;
    let content = template(night, &command, &quoted(image));
    let files = vec![ScheduledFile { name: "outlive-nightly.yaml".to_owned(), content }];
    let to_install = vec![
        "make the ConfigMap outlive-config with outlive.toml, the Secret outlive-credentials with one key for each \
         credential, and the PersistentVolumeClaim outlive-state"
            .to_owned(),
        "then: kubectl apply -f outlive-nightly.yaml".to_owned(),
    ];
    Ok(Scheduled { files, to_install, written_to: None })
}

/// The program's path comes in last: nothing in it is taken for a place to be filled.
fn template(night: &Night<'_>, command: &str, image: &str) -> String {
    include_str!("cronjob.yaml")
        .replace("{minute}", &night.at.minute.to_string())
        .replace("{hour}", &night.at.hour.to_string())
        .replace("{limit}", &night.limit_seconds().to_string())
        .replace("{image}", image)
        .replace("{command}", command)
}

/// A word of a command: Kubernetes puts variables in for `$(NAME)`, and takes `$$` for a plain sign.
fn argument(path: &Path) -> Result<String> {
    Ok(quoted(&text_of(path, |_| true)?.replace('$', "$$")))
}

/// A double-quoted text of YAML, in ASCII.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for character in text.chars() {
        match (character, u32::from(character)) {
            ('"' | '\\', _) => out.extend(['\\', character]),
            (' '..='~', _) => out.push(character),
            (_, code) => out.push_str(&format!("\\U{code:08x}")),
        }
    }
    out.push('"');
    out
}
