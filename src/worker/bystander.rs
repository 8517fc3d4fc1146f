//! An exchange for scripts that are loaded while there is no request.

use super::log;
use crate::gateway::{
    BodyError, BodyLength, BodyRule, ClientGone, Code, Exchange, FileRange, Head, Level, Origin,
};

/// Takes log lines, and nothing else.
pub(super) struct Bystander<'a> {
    /// The script.
    pub(super) script: &'a [u8],
}

impl Exchange for Bystander<'_> {
    fn body_length(&self) -> BodyLength {
        BodyLength::None
    }

    fn read(&mut self, _buffer: &mut [u8]) -> Result<usize, BodyError> {
        Ok(0)
    }

    fn head(&mut self, _head: &Head) {}

    fn stage(&mut self, _piece: &[u8]) {}

    fn stage_file(&mut self, _file: FileRange) {}

    fn flush(&mut self) -> Result<(), ClientGone> {
        Ok(())
    }

    fn send(&mut self, _piece: &[u8]) -> Result<(), ClientGone> {
        Ok(())
    }

    fn body_rule(&self, _status: u16) -> BodyRule {
        BodyRule::Withheld
    }

    fn script(&self) -> &[u8] {
        self.script
    }

    fn is_client_gone(&self) -> bool {
        false
    }

    fn log(&mut self, level: Level, code: Option<Code>, text: &[u8]) {
        let text = text.strip_suffix(b"\n").unwrap_or(text);
        let mut code = code;
        for line in text.split(|byte| *byte == b'\n') {
            match code.take() {
                Some(code) => log::line(level, code, &String::from_utf8_lossy(line)),
                None => log::process(level, line),
            }
        }
    }

    fn log_from(&mut self, level: Level, origin: Origin<'_>, text: &[u8]) {
        log::process_from(level, origin, text);
    }
}
