//! What is read from a pack at once: frames that lie one behind the other, with the pieces that they give.

use super::super::format::Frame;
use super::content::Piece;

/// Pieces that are not handed to a worker yet; bounds open files too.
const MOST_PIECES: usize = 128;
/// With so many, no other frame is begun: one that is handed over in halves is read twice.
const ENOUGH: usize = MOST_PIECES / 2;
/// Bytes of several frames that are read together. A request costs more than it brings where it brings one frame of some
/// tens of KiB.
const SPAN: u64 = 2 * 1024 * 1024;
/// Jobs that may still grow. Of a file that was changed here and there, the content goes to and fro between old frames
/// and new ones: each is to be read once.
const OPEN: usize = 4;

/// One frame, and what it gives.
pub struct Part<P = Piece> {
    pub frame: Frame,
    pub pieces: Vec<P>,
}

/// Frames of one pack without anything between them; at least one.
pub struct Job<P = Piece> {
    pub parts: Vec<Part<P>>,
}

impl<P> Job<P> {
    /// All its frames as one.
    pub fn span(&self) -> Option<Frame> {
        let (first, last) = (self.parts.first()?, self.parts.last()?);
        // What a vault says of itself may be anything.
        let end = last.frame.at.checked_add(u64::from(last.frame.length))?;
        let length = u32::try_from(end.checked_sub(first.frame.at)?).ok()?;
        Some(Frame { length, ..first.frame.clone() })
    }

    /// Whether the frame comes right behind, and there is room for it.
    fn goes_on_with(&self, frame: &Frame) -> bool {
        self.span().is_some_and(|span| {
            span.at.checked_add(u64::from(span.length)) == Some(frame.at)
                && span.pack == frame.pack
                && u64::from(span.length) + u64::from(frame.length) <= SPAN
        })
    }
}

/// The jobs that may still grow, the oldest first.
pub struct Jobs<P = Piece> {
    open: Vec<Job<P>>,
    pieces: usize,
}

impl<P> Default for Jobs<P> {
    fn default() -> Self {
        Self { open: Vec::new(), pieces: 0 }
    }
}

impl<P> Jobs<P> {
    /// Adds a piece of a frame; gives a job to be sent, where there are too many by now.
    pub fn add(&mut self, frame: &Frame, piece: P) -> Option<Job<P>> {
        let mut parts = self.open.iter_mut().rev().flat_map(|job| job.parts.iter_mut().rev());
        if let Some(part) = parts.find(|part| part.frame.at == frame.at && part.frame == *frame) {
            part.pieces.push(piece);
            self.pieces += 1;
            return if self.pieces < MOST_PIECES { None } else { self.oldest() };
        }
        let full = if self.pieces >= ENOUGH { self.oldest() } else { None };
        let part = Part { frame: frame.clone(), pieces: vec![piece] };
        self.pieces += 1;
        match self.open.iter_mut().rev().find(|job| job.goes_on_with(frame)) {
            Some(job) => job.parts.push(part),
            None => self.open.push(Job { parts: vec![part] }),
        }
        if full.is_some() || self.open.len() <= OPEN { full } else { self.oldest() }
    }

    fn oldest(&mut self) -> Option<Job<P>> {
        let oldest = if self.open.is_empty() { None } else { Some(self.open.remove(0)) };
        let sent = oldest.iter().flat_map(|job| &job.parts).map(|part| part.pieces.len());
        self.pieces -= sent.sum::<usize>();
        oldest
    }

    /// What is left, to be sent.
    pub fn left(self) -> Vec<Job<P>> {
        self.open
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::format::PackKey;
    use super::*;

    fn frame(pack: &str, at: u64, length: u32) -> Frame {
        Frame { pack: PackKey(pack.into()), at, length }
    }

    /// The jobs of pieces of these frames: of each, the frames' places with how many pieces they give.
    fn jobs(frames: impl IntoIterator<Item = Frame>) -> Vec<Vec<(u64, usize)>> {
        let mut open = Jobs::default();
        let mut sent: Vec<Job<()>> = frames.into_iter().filter_map(|frame| open.add(&frame, ())).collect();
        sent.extend(open.left());
        let parts = |job: &Job<()>| job.parts.iter().map(|part| (part.frame.at, part.pieces.len())).collect();
        sent.iter().map(parts).collect()
    }

    #[test]
    fn frames_behind_one_another_are_read_together_and_others_are_not() {
        let near = [frame("a", 0, 10), frame("a", 10, 5), frame("a", 15, 5)];
        assert_eq!(jobs(near), [[(0, 1), (10, 1), (15, 1)]]);
        assert_eq!(jobs([frame("a", 0, 10), frame("a", 11, 5)]), [[(0, 1)], [(11, 1)]]);
        assert_eq!(jobs([frame("a", 0, 10), frame("b", 10, 5)]), [[(0, 1)], [(10, 1)]]);
        let large = [frame("a", 0, 1_200_000), frame("a", 1_200_000, 1_200_000)];
        assert_eq!(jobs(large), [[(0, 1)], [(1_200_000, 1)]]);
    }

    #[test]
    fn content_that_goes_to_and_fro_between_frames_reads_each_once() {
        let old = (0..10).map(|number| frame("old", number * 10, 10));
        let both = old.flat_map(|old| [old.clone(), frame("new", 7, 9), old]);
        let old: Vec<(u64, usize)> = (0..10).map(|number| (number * 10, 2)).collect();
        assert_eq!(jobs(both), [old, vec![(7, 10)]]);
    }

    #[test]
    fn a_frame_of_many_small_files_is_not_cut_in_halves() {
        let frames = (0..20).flat_map(|number| std::iter::repeat_n(frame("a", number * 10, 10), 60));
        let parts: Vec<(u64, usize)> = jobs(frames).concat();
        assert_eq!(parts, (0..20).map(|number| (number * 10, 60)).collect::<Vec<_>>());
    }

    #[test]
    fn only_so_many_pieces_and_jobs_wait() {
        let mut open = Jobs::default();
        let mut waiting = 0_usize;
        for number in 0..1000_u64 {
            waiting += 1;
            if let Some(job) = open.add(&frame("a", number % 7 * 100, 10), number) {
                waiting -= job.parts.iter().map(|part| part.pieces.len()).sum::<usize>();
            }
            assert!(waiting <= MOST_PIECES && open.open.len() <= OPEN, "{waiting} {}", open.open.len());
        }
        assert_eq!(
            open.left().iter().flat_map(|job| &job.parts).map(|part| part.pieces.len()).sum::<usize>(),
            waiting
        );
    }

    #[test]
    fn places_that_cannot_be_are_no_panic() {
        let odd = [frame("a", u64::MAX - 3, 9), frame("a", 5, 9), frame("a", u64::MAX, u32::MAX)];
        assert_eq!(jobs(odd).len(), 3);
    }
}
