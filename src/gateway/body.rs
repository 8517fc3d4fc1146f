//! How much of a response's body may go out.

/// Counts a response's body against its Content-Length.
#[derive(Clone, Copy, Debug, Default)]
pub struct Framing {
    declared: Option<u64>,
    sent: u64,
    dropped: u64,
    rule: BodyRule,
}

/// Whether a response has a body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BodyRule {
    /// It has one.
    #[default]
    Sent,
    /// It answers HEAD: the transport drops the body, but its output filters may want to see it.
    Withheld,
    /// Its status allows none: 204 and 304 (RFC 9110, 6.4.1).
    Forbidden,
}

impl BodyRule {
    /// That of a response with this status, to HEAD or to another method.
    #[must_use]
    pub fn of(status: u16, is_head: bool) -> BodyRule {
        match status {
            204 | 304 => BodyRule::Forbidden,
            _ if is_head => BodyRule::Withheld,
            _ => BodyRule::Sent,
        }
    }
}

/// How a response's body compares with what was declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Balance {
    /// As declared, or nothing was declared.
    Even,
    /// Bytes that are missing: the client must see an incomplete response.
    Short(u64),
    /// Bytes that were cut off.
    Long(u64),
}

impl Framing {
    /// For a response with the given Content-Length, if it has one.
    pub fn new(declared: Option<u64>, rule: BodyRule) -> Self {
        Framing {
            declared,
            sent: 0,
            dropped: 0,
            rule,
        }
    }

    /// How many of the next `length` bytes may go out; the rest is counted as cut off.
    pub fn admit(&mut self, length: usize) -> usize {
        let length = u64::try_from(length).unwrap_or(u64::MAX);
        let room = self
            .declared
            .map_or(u64::MAX, |declared| declared.saturating_sub(self.sent));
        let admitted = length.min(room);
        self.sent = self.sent.saturating_add(admitted);
        self.dropped = self.dropped.saturating_add(length - admitted);
        if self.rule == BodyRule::Forbidden {
            0
        } else {
            usize::try_from(admitted).unwrap_or(usize::MAX)
        }
    }

    /// The comparison at the end of the body.
    pub fn balance(&self) -> Balance {
        match self.declared {
            // An application may leave out the body of a response that has none on the wire.
            _ if self.rule != BodyRule::Sent => Balance::Even,
            Some(declared) if self.sent < declared => Balance::Short(declared - self.sent),
            _ if self.dropped > 0 => Balance::Long(self.dropped),
            _ => Balance::Even,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_length_all_goes_out() {
        let mut framing = Framing::new(None, BodyRule::Sent);
        assert_eq!(framing.admit(10), 10);
        assert_eq!(framing.balance(), Balance::Even);
    }

    #[test]
    fn a_longer_body_is_cut() {
        let mut framing = Framing::new(Some(5), BodyRule::Sent);
        assert_eq!((framing.admit(3), framing.admit(3), framing.admit(3)), (3, 2, 0));
        assert_eq!(framing.balance(), Balance::Long(4));
    }

    #[test]
    fn a_shorter_body_is_noticed() {
        let mut framing = Framing::new(Some(5), BodyRule::Sent);
        framing.admit(3);
        assert_eq!(framing.balance(), Balance::Short(2));
    }

    #[test]
    fn a_response_without_a_body_is_not_short_of_one() {
        let mut forbidden = Framing::new(Some(5), BodyRule::Forbidden);
        assert_eq!((forbidden.admit(5), forbidden.balance()), (0, Balance::Even));
        let mut withheld = Framing::new(Some(5), BodyRule::Withheld);
        assert_eq!((withheld.admit(3), withheld.balance()), (3, Balance::Even));
    }
}
