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

/// Everything but three values is fixed, and shown as it is.
fn template(night: &Night<'_>, command: &str, image: &str) -> String {
    let (hour, minute, limit) = (night.at.hour, night.at.minute, night.limit_seconds());
    format!(
        r#"apiVersion: batch/v1
kind: CronJob
metadata:
  name: outlive-nightly
spec:
  schedule: "{minute} {hour} * * *"
  timeZone: "Etc/UTC"
  # Never two at once, and a night that was missed is made up for within four hours.
  concurrencyPolicy: Forbid
  startingDeadlineSeconds: 14400
  successfulJobsHistoryLimit: 7
  failedJobsHistoryLimit: 30
  jobTemplate:
    spec:
      # The exit code says what happened: trying again at once would only hide it.
      backoffLimit: 0
      activeDeadlineSeconds: {limit}
      template:
        spec:
          restartPolicy: Never
          terminationGracePeriodSeconds: 120
          automountServiceAccountToken: false
          securityContext:
            runAsNonRoot: true
            runAsUser: 65532
            runAsGroup: 65532
            fsGroup: 65532
            seccompProfile:
              type: RuntimeDefault
          containers:
            - name: outlive
              image: {image}
              command: [{command}]
              args: ["nightly", "--config", "/etc/outlive/outlive.toml", "--state", "/var/lib/outlive"]
              env:
                - name: CREDENTIALS_DIRECTORY
                  value: "/run/credentials/outlive"
              securityContext:
                allowPrivilegeEscalation: false
                readOnlyRootFilesystem: true
                capabilities:
                  drop: ["ALL"]
              resources:
                requests:
                  cpu: "500m"
                  memory: "256Mi"
                limits:
                  memory: "1Gi"
              volumeMounts:
                - name: config
                  mountPath: /etc/outlive
                  readOnly: true
                - name: credentials
                  mountPath: /run/credentials/outlive
                  readOnly: true
                - name: state
                  mountPath: /var/lib/outlive
                # Test restores need room.
                - name: scratch
                  mountPath: /tmp
          volumes:
            - name: config
              configMap:
                name: outlive-config
            - name: credentials
              secret:
                secretName: outlive-credentials
                # 0440, written as a number that every YAML reads alike.
                defaultMode: 288
            - name: state
              persistentVolumeClaim:
                claimName: outlive-state
            - name: scratch
              emptyDir: {{}}
"#
    )
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
