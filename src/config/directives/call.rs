//! One use of a directive: reads its arguments and says what is wrong with them.

use std::sync::Arc;

use super::super::args::{self, ArgumentError, NameValue, Words};
use super::super::settings::ServerSettings;
use super::{ConfigError, Notice, Problem, Scope, interpreter};
use crate::gateway::{Code, Level};

/// A directive at work on one line.
pub struct Call<'c, 's> {
    /// Name of the directive.
    pub name: &'static str,
    /// Its arguments, as the table describes them.
    pub usage: &'static str,
    /// Arguments not yet read.
    pub words: Words<'c>,
    /// What it may change.
    pub scope: &'c mut Scope<'s>,
}

impl Call<'_, '_> {
    /// Reads the arguments with `body`, and warns about a quote left open.
    pub(super) fn run(
        name: &'static str,
        usage: &'static str,
        scope: &mut Scope<'_>,
        line: &str,
        body: fn(&mut Call<'_, '_>) -> Result<(), ConfigError>,
    ) -> Result<(), ConfigError> {
        let line = if name.starts_with('<') {
            interpreter::before_bracket(line).ok_or_else(|| ConfigError::new(name, Problem::Unclosed))?
        } else {
            line
        };
        let mut call = Call {
            name,
            usage,
            words: Words::new(line),
            scope,
        };
        body(&mut call)?;
        if call.words.unterminated() {
            call.warn("a quote is not closed, so the argument reaches to the end of the line");
        }
        Ok(())
    }

    /// An error of this directive.
    pub fn error(&self, problem: Problem) -> ConfigError {
        ConfigError::new(self.name, problem)
    }

    /// Tells the administrator something without refusing the line.
    pub fn warn(&mut self, text: &str) {
        self.tell(Level::Warning, Code::ARGUMENT_LENIENT, text);
    }

    /// Tells the administrator something under a number of its own.
    pub fn tell(&mut self, level: Level, code: Code, text: &str) {
        let text = format!("{}: {text}", self.name);
        self.scope.notices.push(Notice { level, code, text });
    }

    /// The next argument; there must be one, and it must not be empty.
    pub fn word(&mut self) -> Result<String, ConfigError> {
        self.words
            .next_word()
            .filter(|word| !word.is_empty())
            .ok_or_else(|| self.error(Problem::Arguments(self.usage)))
    }

    /// The only argument.
    pub fn only_word(&mut self) -> Result<String, ConfigError> {
        let word = self.word()?;
        if !self.words.is_done() {
            return Err(self.error(Problem::Arguments(self.usage)));
        }
        Ok(word)
    }

    /// The only argument, as a name to be shared.
    pub fn only_name(&mut self) -> Result<Arc<str>, ConfigError> {
        self.only_word().map(Arc::from)
    }

    /// The only argument as `On` or `Off`.
    pub fn only_switch(&mut self) -> Result<bool, ConfigError> {
        let word = self.only_word()?;
        self.switch(word)
    }

    /// `word` as `On` or `Off`.
    pub fn switch(&self, word: String) -> Result<bool, ConfigError> {
        args::on_off(&word).map_err(|_| {
            self.error(Problem::NotOneOf {
                value: word,
                allowed: "Off | On",
            })
        })
    }

    /// Settings of the enclosing server.
    pub fn server(&mut self) -> Result<&mut ServerSettings, ConfigError> {
        let error = self.error(Problem::InSection);
        self.scope.server.as_deref_mut().ok_or(error)
    }

    /// The next `name=value` of a line that defines `what`; `allowed` lists the names there are.
    pub fn next_option(
        &mut self,
        what: &'static str,
        allowed: &str,
    ) -> Result<Option<NameValue>, ConfigError> {
        match self.words.next_option() {
            Ok(option) => {
                if let Some(NameValue { name, value, spaced }) = &option
                    && *spaced
                    && !value.is_empty()
                {
                    let text =
                        format!("{value:?} is taken as the value of {name}= although a space precedes it");
                    self.warn(&text);
                }
                Ok(option)
            }
            Err(
                ArgumentError::NotAnOption(option)
                | ArgumentError::UnterminatedQuote(option)
                | ArgumentError::NotOnOff(option),
            ) => Err(self.unknown_option(option, what, allowed)),
        }
    }

    /// An option that a line that defines `what` does not take.
    pub fn unknown_option(&self, option: String, what: &'static str, allowed: &str) -> ConfigError {
        self.error(Problem::Option {
            option,
            what,
            allowed: allowed.to_owned(),
        })
    }

    /// The value of `option=` as the name of `what`; it must not be empty.
    pub fn option_name(
        &self,
        value: &str,
        option: &'static str,
        what: &'static str,
    ) -> Result<Option<Arc<str>>, ConfigError> {
        if value.is_empty() {
            return Err(self.error(Problem::Name { option, what }));
        }
        Ok(Some(value.into()))
    }

    /// The value of `option=` in a line that defines `what` as `On` or `Off`.
    pub fn option_switch(
        &self,
        what: &'static str,
        option: &'static str,
        value: &str,
    ) -> Result<bool, ConfigError> {
        args::on_off(value).map_err(|_| self.unknown_option(format!("{option}={value}"), what, "Off | On"))
    }

    /// All arguments, at least one; empty ones do not count.
    pub fn all_words(&mut self) -> Result<Vec<String>, ConfigError> {
        let mut all = vec![self.word()?];
        while let Some(word) = self.words.next_word() {
            all.push(word);
        }
        all.retain(|word| !word.is_empty());
        Ok(all)
    }
}
