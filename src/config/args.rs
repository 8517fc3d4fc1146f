//! Arguments of a directive, split and read the way httpd does.

use std::fmt;

/// Why an argument list or an argument could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ArgumentError {
    /// A quoted word has no closing quote; holds the word as far as it goes.
    UnterminatedQuote(String),
    /// A word stands where `name=value` is expected.
    NotAnOption(String),
    /// A switch is neither `On` nor `Off`; holds what was written.
    NotOnOff(String),
}

impl fmt::Display for ArgumentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnterminatedQuote(word) => write!(f, "no closing quote after \"{word}\""),
            Self::NotAnOption(word) => write!(f, "\"{word}\" is not of the form name=value"),
            Self::NotOnOff(word) => write!(f, "must be one of: Off | On, not \"{word}\""),
        }
    }
}

impl std::error::Error for ArgumentError {}

/// Splits `line` into words by the rules of httpd's `ap_getword_conf`.
///
/// # Errors
/// A quote without an end. httpd itself takes such a word up to the end of the line; use [`Words`]
/// where a configuration that starts elsewhere must start here.
pub fn words(line: &str) -> Result<Vec<String>, ArgumentError> {
    let mut words = Words::new(line);
    let mut found = Vec::new();
    while let Some(word) = words.next_word() {
        if words.unterminated() {
            return Err(ArgumentError::UnterminatedQuote(word));
        }
        found.push(word);
    }
    Ok(found)
}

/// Reads `On` or `Off` in any letter case.
///
/// # Errors
/// Any other word.
pub fn on_off(word: &str) -> Result<bool, ArgumentError> {
    if word.eq_ignore_ascii_case("on") {
        Ok(true)
    } else if word.eq_ignore_ascii_case("off") {
        Ok(false)
    } else {
        Err(ArgumentError::NotOnOff(word.to_owned()))
    }
}

/// What C's `atoi` makes of `text`, and whether that was all of it.
///
/// Out of range values end at the limits of `i32`.
#[must_use]
pub fn leading_integer(text: &str) -> (i32, bool) {
    let (value, whole) = leading_number(text);
    let clamped = value.clamp(i64::from(i32::MIN), i64::from(i32::MAX));
    (i32::try_from(clamped).unwrap_or(0), whole && clamped == value)
}

/// What C's `atoll` makes of `text`, and whether that was all of it.
///
/// Out of range values end at the limits of `i64`.
#[must_use]
pub fn leading_number(text: &str) -> (i64, bool) {
    let trimmed = text.trim_start_matches(is_space);
    let digits_at = usize::from(trimmed.starts_with(['+', '-']));
    let unsigned = trimmed.get(digits_at..).unwrap_or_default();
    let digits = unsigned.bytes().take_while(u8::is_ascii_digit).count();
    let mut value: i128 = 0;
    for digit in unsigned.bytes().take(digits) {
        value = (value * 10 + i128::from(digit - b'0')).min(i128::from(u64::MAX));
    }
    if trimmed.starts_with('-') {
        value = -value;
    }
    let clamped = value.clamp(i64::MIN.into(), i64::MAX.into());
    let whole = digits > 0 && digits == unsigned.len() && clamped == value;
    (i64::try_from(clamped).unwrap_or(0), whole)
}

/// One `name=value` argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameValue {
    /// What stands before the first `=`.
    pub name: String,
    /// The word after it, without its quotes. May be empty.
    pub value: String,
    /// White space stood between `=` and the value.
    pub spaced: bool,
}

/// The words of a line, one at a time.
#[derive(Debug, Clone)]
pub struct Words<'a> {
    rest: &'a str,
    unterminated: bool,
}

impl<'a> Words<'a> {
    /// Starts at the beginning of `line`.
    #[must_use]
    pub fn new(line: &'a str) -> Self {
        Self {
            rest: line.trim_matches(is_space),
            unterminated: false,
        }
    }

    /// Whether a word so far had an opening quote and no closing one.
    #[must_use]
    pub fn unterminated(&self) -> bool {
        self.unterminated
    }

    /// Whether no word is left.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next word: up to white space, or what a pair of `"` or `'` encloses.
    ///
    /// A backslash stands for itself unless it precedes another backslash or, inside quotes, the
    /// quote that opened the word.
    pub fn next_word(&mut self) -> Option<String> {
        let first = self.rest.chars().next()?;
        let quote = matches!(first, '"' | '\'').then_some(first);
        let body = &self.rest[quote.map_or(0, char::len_utf8)..];

        let mut word = String::new();
        let mut chars = body.char_indices().peekable();
        let mut end = None;
        while let Some((at, c)) = chars.next() {
            let next = chars.peek().map(|&(_, next)| next);
            match quote {
                Some(quote) if c == quote => {
                    end = Some(at + c.len_utf8());
                    break;
                }
                None if is_space(c) => {
                    end = Some(at);
                    break;
                }
                _ => {}
            }
            if c == '\\' && next.is_some_and(|next| next == '\\' || quote == Some(next)) {
                word.extend(chars.next().map(|(_, escaped)| escaped));
            } else {
                word.push(c);
            }
        }
        self.unterminated |= quote.is_some() && end.is_none();
        self.rest = body[end.unwrap_or(body.len())..].trim_start_matches(is_space);
        Some(word)
    }

    /// The next argument as `name=value`; the value may be quoted.
    ///
    /// # Errors
    /// A word without a name or without `=`.
    pub fn next_option(&mut self) -> Result<Option<NameValue>, ArgumentError> {
        if self.is_done() {
            return Ok(None);
        }
        let name_length = self
            .rest
            .find(|c| c == '=' || is_space(c))
            .filter(|&at| self.rest[at..].starts_with('='));
        let Some(length) = name_length.filter(|&length| length > 0) else {
            return Err(ArgumentError::NotAnOption(self.next_word().unwrap_or_default()));
        };
        let name = self.rest[..length].to_owned();
        let after = &self.rest[length + 1..];
        self.rest = after.trim_start_matches(is_space);
        let spaced = self.rest.len() != after.len();
        let value = self.next_word().unwrap_or_default();
        Ok(Some(NameValue { name, value, spaced }))
    }
}

/// C's `isspace` in the C locale.
fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn split(line: &str) -> Vec<String> {
        words(line).unwrap()
    }

    #[test]
    fn words_end_at_white_space() {
        assert_eq!(split("  /a \t /b  "), ["/a", "/b"]);
        assert!(split("   ").is_empty());
    }

    #[test]
    fn quotes_of_both_kinds_keep_spaces() {
        assert_eq!(split(r#""a b" 'c "d"' e"#), ["a b", r#"c "d""#, "e"]);
        assert_eq!(split(r#""a"b"#), ["a", "b"]);
        assert_eq!(split(r#""" x"#), ["", "x"]);
    }

    #[test]
    fn backslash_escapes_itself_and_the_open_quote_only() {
        assert_eq!(
            split(r#""a\"b" "c\\d" "e\'f" "g\n""#),
            ["a\"b", r"c\d", r"e\'f", r"g\n"]
        );
        assert_eq!(
            split(r#"C:\web\app a\\b a\"b"#),
            [r"C:\web\app", r"a\b", r#"a\"b"#]
        );
    }

    #[test]
    fn an_open_quote_is_an_error_here_and_a_note_in_words() {
        assert_eq!(
            words("x \"a b"),
            Err(ArgumentError::UnterminatedQuote("a b".into()))
        );
        let mut lenient = Words::new("'a b");
        assert_eq!(lenient.next_word().as_deref(), Some("a b"));
        assert!(lenient.unterminated());
    }

    #[test]
    fn switches_ignore_case() {
        assert_eq!(on_off("on"), Ok(true));
        assert_eq!(on_off("OFF"), Ok(false));
        let error = on_off("yes").unwrap_err();
        assert!(
            error.to_string().starts_with("must be one of: Off | On"),
            "{error}"
        );
    }

    #[test]
    fn integers_are_read_as_far_as_they_go() {
        for (text, value, whole) in [
            ("1", 1, true),
            ("1x", 1, false),
            ("abc", 0, false),
            ("-3", -3, true),
            ("+2", 2, true),
            ("", 0, false),
            ("99999999999", i32::MAX, false),
        ] {
            assert_eq!(leading_integer(text), (value, whole), "{text}");
        }
    }

    #[test]
    fn options_take_quoted_values() {
        let mut words = Words::new(r#"process-group="a b"  callable-object=app x= y="#);
        let next = |words: &mut Words<'_>| words.next_option().unwrap().unwrap();
        assert_eq!(next(&mut words).value, "a b");
        assert_eq!(next(&mut words).name, "callable-object");
        let spaced = next(&mut words);
        assert_eq!((spaced.value.as_str(), spaced.spaced), ("y=", true));
        assert_eq!(words.next_option(), Ok(None));
    }

    #[test]
    fn options_without_a_name_or_an_equals_sign_are_refused() {
        for line in ["=x", "word", "word =x"] {
            assert!(Words::new(line).next_option().is_err(), "{line}");
        }
        assert_eq!(Words::new("a=").next_option().unwrap().unwrap().value, "");
    }

    proptest! {
        #[test]
        fn any_words_survive_quoting(list in proptest::collection::vec(".*", 0..5)) {
            let quoted: Vec<String> = list
                .iter()
                .map(|word| format!("\"{}\"", word.replace('\\', "\\\\").replace('"', "\\\"")))
                .collect();
            prop_assert_eq!(split(&quoted.join(" ")), list);
        }

        #[test]
        fn no_line_is_too_odd(line in "[ \\t\"'\\\\=a%é]{0,20}") {
            let _ = words(&line);
            let mut options = Words::new(&line);
            while let Ok(Some(_)) = options.next_option() {}
        }
    }
}
