//! The writing side of a request: records put together so that a small answer is one write.

use std::fs::File;
use std::io::{self, IoSlice, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::os::unix::net::UnixStream;

use crate::fcgi::record::{self, HEADER_LEN, Kind, MAX_CONTENT, ProtocolStatus};
use crate::gateway::cgi_head::push_head;
use crate::gateway::{FileRange, Head};
use crate::sys::{file, passing, stream};

/// Pieces up to this many bytes are copied beside what is staged; larger ones are sent from where they are.
const COPIED: usize = 16 << 10;
/// Bytes of a file that are read at a time.
const FILE_PIECE: u16 = 65528;
/// Bytes of a file from which on it is handed over instead of copied, which costs the same for a small one.
const HANDED_OVER: u64 = 64 << 10;
/// Memory that is kept from one request to the next, in bytes.
const KEPT: usize = 128 << 10;

/// Records that have not been written, of one request at a time.
#[derive(Default)]
pub(super) struct Output {
    id: u16,
    /// Whether the answer goes out as it is, without records.
    is_plain: bool,
    /// Whether the other side takes descriptors of files.
    hands_over: bool,
    bytes: Vec<u8>,
    /// Where the record begins that further text is added to.
    open: Option<usize>,
    /// A file that goes out after `bytes`.
    file: Option<FileRange>,
    /// The file that a record in `bytes` tells of.
    handed_over: Option<File>,
    /// Whether anything of the answer may have gone out.
    is_begun: bool,
}

impl Output {
    /// Begins the answer to request `id`, as records of that number, or else without any. `hands_over` is whether the
    /// other side takes descriptors of files.
    pub(super) fn begin(&mut self, id: Option<u16>, hands_over: bool) {
        self.discard();
        self.id = id.unwrap_or_default();
        self.is_plain = id.is_none();
        self.hands_over = hands_over && !self.is_plain;
        self.is_begun = false;
        if self.bytes.capacity() > KEPT {
            self.bytes = Vec::new();
        }
    }

    /// Whether anything of the answer may have gone out.
    pub(super) fn is_begun(&self) -> bool {
        self.is_begun
    }

    /// Forgets what has not been written.
    pub(super) fn discard(&mut self) {
        self.bytes.clear();
        self.open = None;
        self.file = None;
        self.handed_over = None;
    }

    /// Adds the head.
    pub(super) fn head(&mut self, head: &Head) {
        let start = self.open();
        push_head(head, &mut self.bytes);
        let content = start + HEADER_LEN;
        if self.is_plain {
            return;
        }
        if self.bytes.len() - content > MAX_CONTENT {
            let text = self.bytes.split_off(content);
            self.text(&text);
        }
    }

    /// Adds a piece of the answer.
    pub(super) fn text(&mut self, mut piece: &[u8]) {
        if self.is_plain {
            self.bytes.extend_from_slice(piece);
            return;
        }
        while !piece.is_empty() {
            let content = self.open() + HEADER_LEN;
            let room = MAX_CONTENT - (self.bytes.len() - content).min(MAX_CONTENT);
            if room == 0 {
                self.close();
                continue;
            }
            let (now, later) = piece.split_at(piece.len().min(room));
            self.bytes.extend_from_slice(now);
            piece = later;
        }
    }

    /// Adds a part of a file, after all that was added before. One at a time.
    pub(super) fn file(&mut self, file: FileRange) {
        self.file = Some(file);
    }

    /// Whether a file waits to be written.
    pub(super) fn has_file(&self) -> bool {
        self.file.is_some()
    }

    /// Where the record begins that text is added to.
    fn open(&mut self) -> usize {
        if self.is_plain {
            return self.bytes.len();
        }
        *self.open.get_or_insert_with(|| {
            let start = self.bytes.len();
            self.bytes.extend_from_slice(&[0; HEADER_LEN]);
            start
        })
    }

    /// Completes that record.
    fn close(&mut self) {
        let Some(start) = self.open.take() else { return };
        let content = start + HEADER_LEN;
        let length = self.bytes.len().saturating_sub(content);
        if length == 0 {
            // An empty record would end the stream.
            self.bytes.truncate(start);
            return;
        }
        let length = u16::try_from(length).unwrap_or(u16::MAX);
        if let Some(header) = self.bytes.get_mut(start..content) {
            header.copy_from_slice(&record::header(Kind::Stdout, self.id, length));
        }
    }

    /// Writes all that was added.
    pub(super) fn flush(&mut self, socket: &UnixStream) -> io::Result<()> {
        self.close();
        self.hand_over();
        self.write(socket)?;
        match self.file.take() {
            Some(file) => self.send_file(socket, &file),
            None => Ok(()),
        }
    }

    /// Makes the file a record, if the other side is to read it.
    fn hand_over(&mut self) {
        if !self.hands_over || self.handed_over.is_some() {
            return;
        }
        if let Some(range) = self.file.take_if(|range| range.length >= HANDED_OVER) {
            match own_descriptor(&range.file) {
                Some(own) => {
                    record::push_file(&mut self.bytes, self.id, range.offset, range.length);
                    self.handed_over = Some(own);
                }
                None => self.file = Some(range),
            }
        }
    }

    /// Writes the records, and beside them the descriptor that one of them tells of.
    fn write(&mut self, socket: &UnixStream) -> io::Result<()> {
        if self.bytes.is_empty() {
            return Ok(());
        }
        self.is_begun = true;
        let sent = match self.handed_over.take() {
            Some(file) => passing::send(socket, &self.bytes, &[file.as_fd()])?,
            None => 0,
        };
        let rest = self.bytes.get(sent..).unwrap_or_default();
        write_all(socket, &mut [IoSlice::new(rest)])?;
        self.bytes.clear();
        Ok(())
    }

    /// Writes all that was added, and `piece`.
    pub(super) fn send(&mut self, socket: &UnixStream, piece: &[u8]) -> io::Result<()> {
        if self.file.is_some() {
            self.flush(socket)?;
        }
        if piece.len() <= COPIED {
            self.text(piece);
            return self.flush(socket);
        }
        self.close();
        self.is_begun = true;
        for part in piece.chunks(MAX_CONTENT) {
            let header = record::header(
                Kind::Stdout,
                self.id,
                u16::try_from(part.len()).unwrap_or(u16::MAX),
            );
            let header: &[u8] = if self.is_plain { &[] } else { &header };
            let mut parts = [
                IoSlice::new(&self.bytes),
                IoSlice::new(header),
                IoSlice::new(part),
            ];
            write_all(socket, &mut parts)?;
            self.bytes.clear();
        }
        Ok(())
    }

    fn send_file(&mut self, socket: &UnixStream, range: &FileRange) -> io::Result<()> {
        let mut piece = vec![0; HEADER_LEN + usize::from(FILE_PIECE)];
        let (mut offset, mut left) = (range.offset, range.length);
        while left > 0 {
            let wanted = u16::try_from(left).unwrap_or(FILE_PIECE).min(FILE_PIECE);
            let Some((header, content)) = piece.split_first_chunk_mut::<HEADER_LEN>() else {
                return Ok(());
            };
            let content = content.get_mut(..usize::from(wanted)).unwrap_or_default();
            let read = read_file(&range.file, content, offset)?;
            *header = record::header(Kind::Stdout, self.id, read);
            self.is_begun = true;
            let start = if self.is_plain { HEADER_LEN } else { 0 };
            let end = HEADER_LEN + usize::from(read);
            write_all(
                socket,
                &mut [IoSlice::new(piece.get(start..end).unwrap_or_default())],
            )?;
            offset += u64::from(read);
            left -= u64::from(read);
        }
        Ok(())
    }

    /// Writes all that was added and, with records, the end of the request, with `app_status` for what it came to.
    pub(super) fn end(&mut self, socket: &UnixStream, app_status: u32) -> io::Result<()> {
        self.finish(socket, app_status)?;
        self.write(socket)
    }

    /// As [`end`](Self::end), and nothing more is sent on the connection. Whoever would keep it for another request
    /// sees its end no later than the answer's.
    pub(super) fn end_last(&mut self, socket: &UnixStream) -> io::Result<()> {
        self.finish(socket, 0)?;
        let mut rest = self.bytes.as_slice();
        while !rest.is_empty() {
            let sent = stream::send_last(socket, rest)?;
            rest = rest.get(sent..).unwrap_or_default();
        }
        self.bytes.clear();
        socket.shutdown(std::net::Shutdown::Write)
    }

    /// Completes what is left to write.
    fn finish(&mut self, socket: &UnixStream, app_status: u32) -> io::Result<()> {
        self.close();
        self.hand_over();
        if self.has_file() {
            self.flush(socket)?;
        }
        if !self.is_plain {
            record::push(&mut self.bytes, Kind::Stdout, self.id, b"");
            record::push_end(
                &mut self.bytes,
                self.id,
                app_status,
                ProtocolStatus::RequestComplete,
            );
        }
        Ok(())
    }
}

/// The same file with a position that the application does not move while it is sent; `None` where it is better
/// copied, as the other side would have to wait for a program.
fn own_descriptor(file: &File) -> Option<File> {
    let is_kept_by_program = file::is_kept_by_program(file).unwrap_or(true);
    (!is_kept_by_program).then(|| file::reopen(file).ok()).flatten()
}

/// Reads a piece of a file that is at least as long; how much.
fn read_file(file: &File, room: &mut [u8], offset: u64) -> io::Result<u16> {
    loop {
        match file.read_at(room, offset) {
            Ok(0) => {
                return Err(io::Error::new(
                    io::ErrorKind::UnexpectedEof,
                    "the file has become shorter",
                ));
            }
            Ok(read) => return u16::try_from(read).map_err(io::Error::other),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Writes all parts, and waits as long as the socket's timeout says whenever the peer does not read.
pub(super) fn write_all(mut socket: &UnixStream, mut parts: &mut [IoSlice<'_>]) -> io::Result<()> {
    // Empty parts in front would look like an end.
    IoSlice::advance_slices(&mut parts, 0);
    while !parts.is_empty() {
        let written = match &*parts {
            [one] => socket.write(one),
            several => socket.write_vectored(several),
        };
        match written {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => IoSlice::advance_slices(&mut parts, written),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fcgi::client::AnswerReader;
    use std::io::Read;

    fn written(fill: impl FnOnce(&mut Output, &UnixStream)) -> Vec<u8> {
        let (ours, mut theirs) = UnixStream::pair().expect("a pair");
        let reader = std::thread::spawn(move || {
            let mut all = Vec::new();
            theirs.read_to_end(&mut all).expect("reads");
            all
        });
        let mut output = Output::default();
        output.begin(Some(3), false);
        fill(&mut output, &ours);
        drop(ours);
        reader.join().expect("joined")
    }

    fn content(bytes: &[u8]) -> Vec<u8> {
        use crate::fcgi::client::Answer;
        let mut reader = AnswerReader::new(3, false);
        let (mut input, mut all) = (bytes, Vec::new());
        while let Some(event) = reader.next(&mut input).expect("valid") {
            if let Answer::Stdout(piece) = event {
                all.extend_from_slice(piece);
            }
        }
        assert!(input.is_empty());
        all
    }

    #[test]
    fn staged_pieces_are_one_record_and_long_ones_are_cut() {
        let bytes = written(|output, socket| {
            output.text(b"one");
            output.text(b"two");
            output.end(socket, 0).expect("written");
        });
        assert_eq!(content(&bytes), b"onetwo");
        assert_eq!(bytes.len(), 8 + 6 + 8 + 16);
        for length in [65535, 65536, 200_000] {
            let piece = vec![b'x'; length];
            let bytes = written(|output, socket| {
                output.text(b"head");
                output.send(socket, &piece).expect("written");
                output.text(&piece);
                output.end(socket, 0).expect("written");
            });
            assert_eq!(content(&bytes).len(), 4 + 2 * length, "{length}");
        }
    }

    #[test]
    fn a_plain_answer_has_no_records() {
        let mut file = tempfile::tempfile().expect("made");
        file.write_all(b"file").expect("filled");
        let piece = vec![b'x'; 70_000];
        let bytes = written(|output, socket| {
            output.begin(None, true);
            let mut head = Head::default();
            head.set_status(b"200 OK").expect("a status");
            output.head(&head);
            output.text(b"one");
            output.send(socket, &piece).expect("written");
            output.file(FileRange {
                file,
                offset: 1,
                length: 3,
            });
            output.end(socket, 0).expect("written");
        });
        let expected = [b"Status: 200 OK\r\n\r\none", &piece[..], b"ile"].concat();
        assert!(bytes == expected, "{} bytes", bytes.len());
    }

    #[test]
    fn a_file_goes_out_after_the_head_and_a_short_one_is_an_error() {
        let mut file = tempfile::tempfile().expect("made");
        file.write_all(&vec![b'f'; 150_000]).expect("filled");
        let range = |length| FileRange {
            file: file.try_clone().expect("copied"),
            offset: 1,
            length,
        };
        let bytes = written(|output, socket| {
            output.text(b"head");
            output.file(range(140_000));
            output.end(socket, 0).expect("written");
        });
        assert_eq!(content(&bytes).len(), 140_004);
        written(|output, socket| {
            output.file(range(150_000));
            assert!(output.end(socket, 0).is_err());
        });
    }

    #[test]
    fn a_large_file_is_handed_over_with_head_and_end_to_who_takes_it() {
        use crate::fcgi::client::Answer;
        let mut file = tempfile::tempfile().expect("made");
        file.write_all(&vec![b'f'; 150_000]).expect("filled");
        let (ours, theirs) = UnixStream::pair().expect("a pair");
        for length in [140_000, HANDED_OVER - 1] {
            let mut output = Output::default();
            output.begin(Some(3), true);
            output.text(b"head");
            output.file(FileRange {
                file: file.try_clone().expect("copied"),
                offset: 1,
                length,
            });
            output.end(&ours, 0).expect("written");
            let (mut buffer, mut descriptors) = (vec![0; 200_000], Vec::new());
            let take = |descriptor| descriptors.push(descriptor);
            let arrival = passing::receive(&theirs, &mut buffer, true, 1, take).expect("arrives");
            let (mut reader, mut input) = (AnswerReader::new(3, true), &buffer[..arrival.length]);
            let (mut files, mut text) = (Vec::new(), 0);
            while let Some(event) = reader.next(&mut input).expect("valid") {
                match event {
                    Answer::File { offset, length } => files.push((offset, length)),
                    Answer::Stdout(piece) => text += piece.len(),
                    _ => {}
                }
            }
            if length < HANDED_OVER {
                assert_eq!((files.len(), descriptors.len()), (0, 0));
                continue;
            }
            assert_eq!((text, files, reader.is_finished()), (4, vec![(1, length)], true));
            let descriptor = descriptors.pop().expect("beside it");
            file::check_range(&File::from(descriptor), 1, length).expect("as it is to be");
        }
    }

    #[test]
    fn a_file_that_cannot_be_opened_again_is_copied() {
        let folder = tempfile::tempdir().expect("made");
        let path = folder.path().join("written");
        std::fs::write(&path, vec![b'f'; 150_000]).expect("filled");
        let write_only = std::fs::OpenOptions::new()
            .write(true)
            .open(&path)
            .expect("opened");
        let mut output = Output::default();
        let (ours, _theirs) = UnixStream::pair().expect("a pair");
        output.begin(Some(3), true);
        output.file(FileRange {
            file: write_only,
            offset: 0,
            length: 150_000,
        });
        let error = output.end(&ours, 0).expect_err("nor can it be read");
        assert_eq!(error.raw_os_error(), Some(9), "{error}");
    }
}
