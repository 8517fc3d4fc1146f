//! The value of one option, read as the kind that it is.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::super::args::{leading_number, on_off};
use super::super::interpreter;

/// Why a value was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptionError {
    /// Name of the option.
    pub option: &'static str,
    /// What was written.
    pub value: String,
    /// What is allowed instead.
    pub allowed: String,
}

impl fmt::Display for OptionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            option,
            value,
            allowed,
        } = self;
        write!(
            f,
            "Invalid {option} for WSGI daemon process: {value:?}; it takes {allowed}"
        )
    }
}

/// A value at hand.
pub(in super::super) struct Reader {
    pub(in super::super) option: &'static str,
    pub(in super::super) value: String,
    /// The group being defined.
    pub(in super::super) group: Arc<str>,
    /// What was taken although it is doubtful.
    pub(in super::super) warning: Option<String>,
}

impl Reader {
    fn refuse<T>(&self, allowed: impl Into<String>) -> Result<T, OptionError> {
        Err(OptionError {
            option: self.option,
            value: self.value.clone(),
            allowed: allowed.into(),
        })
    }

    fn number(&mut self, minimum: i64, maximum: i64) -> Result<i64, OptionError> {
        let (mut number, mut whole) = leading_number(&self.value);
        if maximum == i64::from(MOST) && number > maximum {
            (number, whole) = (maximum, false);
        }
        if self.value.is_empty() || number < minimum || number > maximum {
            return self.refuse(format!("a whole number from {minimum} to {maximum}"));
        }
        if !whole {
            self.warning = Some(format!("{}={:?} is taken as {number}", self.option, self.value));
        }
        Ok(number)
    }

    /// A count within limits.
    pub(super) fn count(&mut self, minimum: u32, maximum: u32) -> Result<u32, OptionError> {
        let number = self.number(minimum.into(), maximum.into())?;
        Ok(u32::try_from(number).unwrap_or(maximum))
    }

    /// A count of which 0 is none.
    pub(super) fn count_or_none(&mut self) -> Result<Option<u32>, OptionError> {
        Ok(Some(self.count(0, MOST)?).filter(|&count| count > 0))
    }

    /// Seconds of which 0 is none.
    pub(super) fn seconds_or_none(&mut self) -> Result<Option<Duration>, OptionError> {
        let seconds = self.count_or_none()?;
        Ok(seconds.map(|seconds| Duration::from_secs(seconds.into())))
    }

    /// Whole seconds.
    pub(super) fn seconds(&mut self) -> Result<Duration, OptionError> {
        Ok(self.seconds_or_none()?.unwrap_or_default())
    }

    /// Whole milliseconds.
    pub(super) fn milliseconds(&mut self) -> Result<Duration, OptionError> {
        Ok(Duration::from_millis(self.count(0, MOST)?.into()))
    }

    /// Bytes: 0, which is none, or at least `minimum`.
    pub(super) fn buffer(&mut self, minimum: u32) -> Result<Option<u32>, OptionError> {
        match self.count_or_none()? {
            Some(bytes) if bytes < minimum => {
                self.refuse(format!("0, or a whole number of bytes from {minimum}"))
            }
            bytes => Ok(bytes),
        }
    }

    /// Bytes that may be many; 0 is none.
    pub(super) fn bytes_or_none(&mut self, minimum: i64) -> Result<Option<u64>, OptionError> {
        let bytes = self.number(minimum, i64::MAX)?;
        Ok(u64::try_from(bytes).ok().filter(|&bytes| bytes > 0))
    }

    /// A number that may be negative.
    pub(super) fn integer(&mut self) -> Result<i32, OptionError> {
        let number = self.number(i32::MIN.into(), i32::MAX.into())?;
        Ok(i32::try_from(number).unwrap_or_default())
    }

    /// An interval in seconds with decimals, above 0.
    pub(super) fn interval(&mut self) -> Result<Option<Duration>, OptionError> {
        match interpreter::seconds(&self.value).filter(|interval| !interval.is_zero()) {
            None => self.refuse("a number of seconds above 0"),
            interval => Ok(interval),
        }
    }

    /// A mask in octal digits, without any rest.
    pub(super) fn mask(&mut self) -> Result<Option<u32>, OptionError> {
        let plain = !self.value.is_empty() && self.value.bytes().all(|byte| matches!(byte, b'0'..=b'7'));
        match u32::from_str_radix(&self.value, 8) {
            Ok(mask) if plain && mask <= 0o777 => Ok(Some(mask)),
            _ => self.refuse("octal digits from 0 to 777"),
        }
    }

    /// Text that is not empty.
    pub(super) fn text(&mut self) -> Result<Option<String>, OptionError> {
        if self.value.is_empty() {
            return self.refuse("a value right after the equals sign");
        }
        Ok(Some(self.value.clone()))
    }

    /// Text of which none is as good as no option, as generated configurations have it.
    pub(super) fn text_or_none(&mut self) -> Result<Option<String>, OptionError> {
        Ok(Some(self.value.clone()).filter(|text| !text.is_empty()))
    }

    /// A path from the root.
    pub(super) fn absolute_path(&mut self) -> Result<Option<String>, OptionError> {
        if !self.value.starts_with('/') {
            return self.refuse("a path that begins with /");
        }
        self.text()
    }

    /// Name or `#uid` of a user, who must not be root.
    pub(super) fn unprivileged_user(&mut self) -> Result<Option<String>, OptionError> {
        let number = self.value.strip_prefix('#').map(leading_number);
        if self.value == "root" || number.is_some_and(|(uid, _)| uid == 0) {
            return self
                .refuse("no user but one without privileges; WSGI process blocked from running as root");
        }
        self.text()
    }

    fn list(&self, separator: char) -> Vec<String> {
        let entries = self.value.split(separator).filter(|entry| !entry.is_empty());
        entries.map(str::to_owned).collect()
    }

    /// Directories with colons between; empty ones do not count.
    pub(super) fn directories(&mut self) -> Result<Vec<String>, OptionError> {
        Ok(self.list(':'))
    }

    /// A list of names, at least one.
    pub(super) fn names(&mut self) -> Result<Option<Vec<String>>, OptionError> {
        match self.list(',') {
            names if names.is_empty() => self.refuse("names separated by commas"),
            names => Ok(Some(names)),
        }
    }

    /// `NAME=value`, a variable of an environment.
    pub(super) fn variable(&mut self) -> Result<(String, String), OptionError> {
        match self.value.split_once('=') {
            Some((name, value)) if !name.is_empty() && !self.value.contains('\0') => {
                Ok((name.to_owned(), value.to_owned()))
            }
            _ => self.refuse("NAME=value"),
        }
    }

    /// `On` or `Off`.
    pub(super) fn switch(&mut self) -> Result<bool, OptionError> {
        on_off(&self.value).or_else(|_| self.refuse("one of: Off | On"))
    }

    /// What `ps` shows.
    pub(super) fn display_name(&mut self) -> Result<Option<String>, OptionError> {
        if self.value == "%{GROUP}" {
            return Ok(Some(format!("(wsgi:{})", self.group)));
        }
        self.text_or_none()
    }
}

/// The largest number that C's `int` holds.
pub(super) const MOST: u32 = i32::MAX.unsigned_abs();
