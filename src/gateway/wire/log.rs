//! Log lines from a worker to the server that owns the log.

use super::WireFault;
use crate::gateway::{Level, Origin};

/// Most bytes of one frame: what a [`LogReader`] holds at most.
pub const MAX_ENTRY: usize = 1 << 20;
/// Most bytes of text in one frame; longer text is cut, at the end of a line if there is one.
const MAX_TEXT: usize = 64 << 10;
/// Most bytes of a file's name; of a longer one its end is kept.
const MAX_FILE: usize = 4096;

/// The first byte of a frame; text of a worker that does not frame its log begins otherwise.
const MARK: u8 = 0x01;
/// Mark, level, code, line, length of the file's name (0: no origin), length of the text.
const FRAME_HEAD: usize = 1 + 1 + 2 + 4 + 4 + 4;

const LEVELS: [Level; 6] = [
    Level::Critical,
    Level::Error,
    Level::Warning,
    Level::Info,
    Level::Debug,
    Level::Trace,
];

/// One entry of the log: one line or several.
#[derive(Clone, Copy, Debug)]
pub struct LogEntry<'a> {
    /// How bad it is.
    pub level: Level,
    /// The number of its [`Code`](crate::gateway::Code); never 0.
    pub code: Option<u16>,
    /// Where in an application's source it comes from.
    pub origin: Option<Origin<'a>>,
    /// The text.
    pub text: &'a [u8],
}

impl LogEntry<'_> {
    /// Appends the entry, as several frames if its text is long.
    pub fn push(&self, out: &mut Vec<u8>) {
        let (mut piece, mut rest) = cut(self.text);
        self.push_frame(out, self.code, piece);
        while !rest.is_empty() {
            (piece, rest) = cut(rest);
            self.push_frame(out, None, piece);
        }
    }

    fn push_frame(&self, out: &mut Vec<u8>, code: Option<u16>, text: &[u8]) {
        let level = LEVELS.iter().position(|level| *level == self.level);
        let level = level
            .and_then(|level| u8::try_from(level).ok())
            .unwrap_or_default();
        let (file, line) = self
            .origin
            .map_or((&[][..], 0), |origin| (origin.file, origin.line));
        let file = file
            .get(file.len().saturating_sub(MAX_FILE)..)
            .unwrap_or_default();
        out.extend_from_slice(&[MARK, level]);
        out.extend_from_slice(&code.unwrap_or_default().to_be_bytes());
        out.extend_from_slice(&line.to_be_bytes());
        // An origin without a name is told from none by the length.
        let file_length = self.origin.map_or(0, |_| bits32(file.len()).saturating_add(1));
        out.extend_from_slice(&file_length.to_be_bytes());
        out.extend_from_slice(&bits32(text.len()).to_be_bytes());
        out.extend_from_slice(file);
        out.extend_from_slice(text);
    }
}

/// Both lengths of a frame are far below the limit.
fn bits32(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

/// What fits into one frame, and the rest. The end of the line that the cut is at is left out; a line that does
/// not fit is not cut inside a UTF-8 character.
fn cut(text: &[u8]) -> (&[u8], &[u8]) {
    let Some(most) = text.get(..MAX_TEXT).filter(|most| most.len() < text.len()) else {
        return (text, &[]);
    };
    if let Some(end) = memchr::memrchr(b'\n', most).filter(|end| *end > 0) {
        let (line, rest) = text.split_at(end);
        return (line, rest.get(1..).unwrap_or_default());
    }
    let is_continuation = |end: &usize| text.get(*end).is_some_and(|byte| byte & 0xc0 == 0x80);
    let end = (MAX_TEXT - 3..=MAX_TEXT).rev().find(|end| !is_continuation(end));
    text.split_at(end.unwrap_or(MAX_TEXT))
}

/// Puts entries together from pieces of a stream.
#[derive(Debug, Default)]
pub struct LogReader {
    /// A frame that has not arrived in full.
    partial: Vec<u8>,
}

impl LogReader {
    /// Takes a piece of the stream, and hands each entry that it completes to `each`.
    pub fn feed(&mut self, piece: &[u8], mut each: impl FnMut(LogEntry<'_>)) -> Result<(), WireFault> {
        let mut rest = piece;
        while !self.partial.is_empty() && !rest.is_empty() {
            let wanted = wanted(&self.partial)?;
            let missing = wanted.saturating_sub(self.partial.len());
            let (taken, after) = rest.split_at(rest.len().min(missing));
            self.partial.extend_from_slice(taken);
            rest = after;
            if let Some((entry, _)) = frame(&self.partial)? {
                each(entry);
                self.partial.clear();
            }
        }
        while let Some((entry, after)) = frame(rest)? {
            each(entry);
            rest = after;
        }
        self.partial.extend_from_slice(rest);
        Ok(())
    }

    /// Whether no entry has begun that is not complete.
    pub fn is_at_boundary(&self) -> bool {
        self.partial.is_empty()
    }
}

/// The parts of a frame's head.
struct FrameHead {
    level: Level,
    code: Option<u16>,
    line: i32,
    /// `None` without an origin.
    file: Option<usize>,
    text: usize,
}

/// `None` when it has not arrived in full.
fn head(bytes: &[u8]) -> Result<Option<(FrameHead, &[u8])>, WireFault> {
    if bytes.first().is_some_and(|mark| *mark != MARK) {
        return Err(WireFault("log entry without its mark"));
    }
    let Some((head, rest)) = bytes.split_first_chunk::<FRAME_HEAD>() else {
        return Ok(None);
    };
    let [_, level, c1, c0, l3, l2, l1, l0, f3, f2, f1, f0, t3, t2, t1, t0] = *head;
    let level = *LEVELS
        .get(usize::from(level))
        .ok_or(WireFault("log entry of an unknown level"))?;
    let code = u16::from_be_bytes([c1, c0]);
    let too_long = WireFault("log entry that is too long");
    let length = |bytes| {
        usize::try_from(u32::from_be_bytes(bytes))
            .ok()
            .filter(|length| *length <= MAX_ENTRY)
            .ok_or(too_long.clone())
    };
    let (file, text) = (length([f3, f2, f1, f0])?, length([t3, t2, t1, t0])?);
    if FRAME_HEAD + file + text > MAX_ENTRY {
        return Err(too_long);
    }
    let head = FrameHead {
        level,
        code: (code != 0).then_some(code),
        line: i32::from_be_bytes([l3, l2, l1, l0]),
        file: file.checked_sub(1),
        text,
    };
    Ok(Some((head, rest)))
}

/// How long the frame that begins with `bytes` is, as far as they tell.
fn wanted(bytes: &[u8]) -> Result<usize, WireFault> {
    Ok(head(bytes)?.map_or(FRAME_HEAD, |(head, _)| {
        FRAME_HEAD + head.file.unwrap_or_default() + head.text
    }))
}

/// The entry that `bytes` begin with, and what comes after it; `None` when it has not arrived in full.
fn frame(bytes: &[u8]) -> Result<Option<(LogEntry<'_>, &[u8])>, WireFault> {
    let Some((head, rest)) = head(bytes)? else {
        return Ok(None);
    };
    let Some((file, rest)) = rest.split_at_checked(head.file.unwrap_or_default()) else {
        return Ok(None);
    };
    let Some((text, rest)) = rest.split_at_checked(head.text) else {
        return Ok(None);
    };
    let origin = head.file.map(|_| Origin {
        file,
        line: head.line,
    });
    let entry = LogEntry {
        level: head.level,
        code: head.code,
        origin,
        text,
    };
    Ok(Some((entry, rest)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Owned = (Level, Option<u16>, Option<(Vec<u8>, i32)>, Vec<u8>);

    fn owned(entry: &LogEntry<'_>) -> Owned {
        let origin = entry.origin.map(|origin| (origin.file.to_vec(), origin.line));
        (entry.level, entry.code, origin, entry.text.to_vec())
    }

    fn read(pieces: &[&[u8]]) -> Result<Vec<Owned>, WireFault> {
        let (mut reader, mut entries) = (LogReader::default(), Vec::new());
        for piece in pieces {
            reader.feed(piece, |entry| entries.push(owned(&entry)))?;
            assert!(reader.partial.len() <= MAX_ENTRY);
        }
        assert!(reader.is_at_boundary());
        Ok(entries)
    }

    fn plain(text: &[u8]) -> LogEntry<'_> {
        LogEntry {
            level: Level::Error,
            code: Some(174),
            origin: None,
            text,
        }
    }

    fn an_entry() -> impl Strategy<Value = Owned> {
        let bytes = || prop::collection::vec(any::<u8>(), 0..40);
        (
            prop::sample::select(&LEVELS[..]),
            prop::option::of(1..=u16::MAX),
            prop::option::of((bytes(), any::<i32>())),
            bytes(),
        )
    }

    proptest! {
        #[test]
        fn entries_arrive_as_they_were_pushed(entries in prop::collection::vec(an_entry(), 0..5), step in 1_usize..90) {
            let mut stream = Vec::new();
            for (level, code, origin, text) in &entries {
                let origin = origin.as_ref().map(|(file, line)| Origin { file, line: *line });
                LogEntry { level: *level, code: *code, origin, text }.push(&mut stream);
            }
            let pieces: Vec<&[u8]> = stream.chunks(step).collect();
            prop_assert_eq!(read(&pieces).expect("no fault"), entries);
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..80), step in 1_usize..90) {
            let mut reader = LogReader::default();
            let bytes = [&[MARK, 1][..], &bytes].concat();
            let _ = bytes.chunks(step).try_for_each(|piece| reader.feed(piece, |_| {}));
            prop_assert!(reader.partial.len() <= bytes.len());
        }
    }

    #[test]
    fn long_text_is_cut_at_lines_and_has_its_code_once() {
        let line = [b'x'; 1000];
        let text = [&line[..]; 200].join(&b'\n');
        let mut stream = Vec::new();
        plain(&text).push(&mut stream);
        let entries = read(&[&stream]).expect("no fault");
        assert_eq!(entries.iter().filter_map(|entry| entry.1).count(), 1);
        assert!(entries.len() > 1 && entries.iter().all(|entry| entry.3.len() <= MAX_TEXT));
        let texts: Vec<&[u8]> = entries.iter().map(|entry| &entry.3[..]).collect();
        assert!(texts.join(&b'\n') == text);
    }

    #[test]
    fn a_long_line_is_cut_between_characters() {
        let text = format!("x{}", "é".repeat(MAX_TEXT));
        let mut stream = Vec::new();
        plain(text.as_bytes()).push(&mut stream);
        let entries = read(&[&stream]).expect("no fault");
        assert!(entries.iter().all(|entry| std::str::from_utf8(&entry.3).is_ok()));
        let joined: Vec<u8> = entries.into_iter().flat_map(|entry| entry.3).collect();
        assert!(joined == text.as_bytes());
    }

    #[test]
    fn the_end_of_a_long_file_name_is_kept() {
        let file = [&[b'x'; MAX_FILE][..], b"end.py"].concat();
        let origin = Some(Origin { file: &file, line: 7 });
        let mut stream = Vec::new();
        LogEntry {
            origin,
            ..plain(b"text")
        }
        .push(&mut stream);
        let entries = read(&[&stream]).expect("no fault");
        let (kept, line) = entries[0].2.clone().expect("an origin");
        assert_eq!((kept.len(), kept.ends_with(b"end.py"), line), (MAX_FILE, true, 7));
    }

    #[test]
    fn what_is_no_entry_is_refused_at_once() {
        let mut good = Vec::new();
        plain(b"text").push(&mut good);
        for (position, byte) in [(0, b'T'), (1, 6), (8, 0xff), (12, 0x7f), (13, 0x10)] {
            let mut bad = good.clone();
            bad[position] = byte;
            assert!(
                LogReader::default().feed(&bad, |_| panic!("no entry")).is_err(),
                "{position}"
            );
        }
        assert!(
            LogReader::default()
                .feed(b"Traceback", |_| panic!("no entry"))
                .is_err()
        );
    }
}
