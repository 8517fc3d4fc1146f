//! The headers of a request: `NAME` 0 `VALUE` 0, again and again.

use memchr::memchr;

use super::Fault;

/// Names and values in their order, after the first fault nothing.
#[derive(Clone, Debug)]
pub struct Headers<'a>(&'a [u8]);

impl<'a> Headers<'a> {
    /// Those in the text between a request's length and its comma.
    pub fn new(text: &'a [u8]) -> Self {
        Headers(text)
    }

    fn text(&mut self) -> Result<&'a [u8], Fault> {
        let end = memchr(0, self.0).ok_or(Fault::MalformedHeaders)?;
        let (text, rest) = self.0.split_at(end);
        self.0 = rest.get(1..).unwrap_or_default();
        Ok(text)
    }

    fn pair(&mut self) -> Result<(&'a [u8], &'a [u8]), Fault> {
        let (name, value) = (self.text()?, self.text()?);
        if name.is_empty() {
            return Err(Fault::MalformedHeaders);
        }
        Ok((name, value))
    }
}

impl<'a> Iterator for Headers<'a> {
    type Item = Result<(&'a [u8], &'a [u8]), Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let pair = self.pair();
        if pair.is_err() {
            self.0 = &[];
        }
        Some(pair)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_may_be_empty_and_names_may_not() {
        let pairs: Vec<_> = Headers::new(b"A\0b\0C\0\0").collect();
        assert_eq!(pairs, [Ok((&b"A"[..], &b"b"[..])), Ok((&b"C"[..], &b""[..]))]);
        for text in [&b"A"[..], b"A\0b", b"\0b\0"] {
            let pairs: Vec<_> = Headers::new(text).collect();
            assert_eq!(pairs, [Err(Fault::MalformedHeaders)], "{text:?}");
        }
    }
}
