//! Why a line of configuration is refused.

use std::fmt;

use super::super::daemon_group::OptionError;

/// A refused line. Its `Display` is one line: directive, value, and what is allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// Name of the directive.
    pub directive: &'static str,
    /// What is wrong with it.
    pub problem: Problem,
}

/// What can be wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// Too few or too many arguments; holds what the directive takes.
    Arguments(&'static str),
    /// Neither of the words that the directive knows.
    NotOneOf {
        /// What was written.
        value: String,
        /// The words, as in "Off | On".
        allowed: &'static str,
    },
    /// A value of the wrong kind.
    Value {
        /// What was written.
        value: String,
        /// What is allowed instead.
        allowed: &'static str,
    },
    /// An option without `=` or of an unknown name.
    Option {
        /// What was written.
        option: String,
        /// What the line defines.
        what: &'static str,
        /// Names of the options there are.
        allowed: String,
    },
    /// A value that an option of a daemon group cannot have.
    DaemonOption(OptionError),
    /// Two options that exclude each other.
    Exclusive(&'static str, &'static str),
    /// An option that must be there and is not.
    Missing {
        /// The option.
        option: &'static str,
        /// What it names.
        what: &'static str,
    },
    /// An option that may stand once only.
    Repeated(&'static str),
    /// A section inside of another of its kind.
    Nested,
    /// A section whose first line has no `>`.
    Unclosed,
    /// An option whose value is no name.
    Name {
        /// The option.
        option: &'static str,
        /// What the name is of.
        what: &'static str,
    },
    /// A script's path that does not begin at the root.
    RelativePath(String),
    /// A regular expression that does not compile.
    Regex {
        /// The expression.
        pattern: String,
        /// What the engine says.
        reason: String,
    },
    /// A directive of servers inside a section.
    InSection,
}

impl ConfigError {
    pub(super) fn new(directive: &'static str, problem: Problem) -> Self {
        Self { directive, problem }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.directive;
        match &self.problem {
            Problem::Arguments(usage) => write!(f, "{name} takes these arguments: {usage}"),
            Problem::NotOneOf { value, allowed } => {
                write!(f, "{name} must be one of: {allowed}, not {value:?}")
            }
            Problem::Value { value, allowed } => {
                write!(f, "{name} cannot be {value:?}; it takes {allowed}")
            }
            Problem::Option {
                option,
                what,
                allowed,
            } => write!(
                f,
                "{name}: Invalid option to WSGI {what} definition: {option:?}; it takes {allowed}"
            ),
            Problem::DaemonOption(error) => write!(f, "{name}: {error}"),
            Problem::Exclusive(one, other) => {
                write!(
                    f,
                    "{name}: {one}= and {other}= exclude each other; remove one of them"
                )
            }
            Problem::Missing { option, what } => {
                write!(f, "{name}: Name of WSGI {what} required: add {option}=name")
            }
            Problem::Repeated(option) => write!(f, "{name}: {option}= stands twice; remove one of them"),
            Problem::Nested => write!(
                f,
                "{name} cannot stand inside of {name}; close the other one first"
            ),
            Problem::Unclosed => write!(f, "{name} directive missing closing '>'"),
            Problem::Name { option, what } => write!(
                f,
                "{name}: Invalid name for WSGI {what}: {option}= needs a value right after the equals sign"
            ),
            Problem::RelativePath(path) => write!(
                f,
                "{name}: {path:?} is a relative path; write the full path of the script, beginning with /"
            ),
            Problem::Regex { pattern, reason } => {
                write!(f, "{name}: {pattern:?} is no regular expression: {reason}")
            }
            Problem::InSection => write!(
                f,
                "{name} stands for a whole server; move it out of the enclosing section or .htaccess file"
            ),
        }
    }
}

impl std::error::Error for ConfigError {}
