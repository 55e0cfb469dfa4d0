//! Exit codes: one documented enum.

use std::process::ExitCode;

/// What the process tells its caller. When several apply, the first in the order of [`Exit::ORDER`] is
/// the exit code; JSON lists all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Sound.
    Sound = 0,
    /// An internal error, or the operating system failed.
    Internal = 1,
    /// Usage or configuration.
    Usage = 2,
    /// A rule failed.
    RuleFailed = 10,
    /// Undetermined.
    Undetermined = 11,
    /// A drill, which is any test restore, failed.
    DrillFailed = 12,
    /// A drill that was due did not run.
    DrillNotRun = 13,
    /// A copy failed, is incomplete, or is damaged.
    CopyFailed = 14,
    /// Another run holds the lock.
    Held = 15,
}

impl Exit {
    /// Which counts first.
    const ORDER: [Self; 9] = [
        Self::Usage,
        Self::Internal,
        Self::CopyFailed,
        Self::DrillFailed,
        Self::RuleFailed,
        Self::DrillNotRun,
        Self::Undetermined,
        Self::Held,
        Self::Sound,
    ];

    /// The one that the process ends with.
    pub fn worst(all: &[Self]) -> Self {
        Self::ORDER.into_iter().find(|exit| all.contains(exit)).unwrap_or(Self::Sound)
    }

    /// Its number.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// The numbers of all that apply; 0 alone where nothing does.
    pub fn codes(all: &[Self]) -> Vec<u8> {
        if all.is_empty() { vec![0] } else { all.iter().map(|exit| exit.code()).collect() }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// Printed at the end of `--help`.
pub const HELP: &str = "\
Exit codes:
   0  sound
   1  internal error, or the operating system failed
   2  usage or configuration
  10  a rule failed
  11  undetermined: something asked for could not be seen or judged, or a copy is doubted
  12  a test restore failed
  13  a test restore that was due did not run
  14  a copy failed, was due and not made, is incomplete or damaged, or an incomplete one was restored
  15  another run holds the lock
When several apply, the process ends with the first of 2, 1, 14, 12, 10, 13, 11; JSON lists all.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_exit_wins_and_nothing_is_lost() {
        let all = [Exit::Undetermined, Exit::RuleFailed, Exit::CopyFailed];
        assert_eq!(Exit::worst(&all), Exit::CopyFailed);
        assert_eq!(Exit::codes(&all), [11, 10, 14]);
        assert_eq!((Exit::worst(&[]), Exit::codes(&[])), (Exit::Sound, vec![0]));
    }
}
