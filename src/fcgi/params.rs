//! Name-value pairs: a request's variables, and the application's limits (section 3.4).

use super::Fault;

/// The longest name or value that can be told.
const MAX_LENGTH: usize = 0x7fff_ffff;

/// Appends a pair. One that is longer than 31 bits can tell is left out; no server takes such from a client.
pub fn push_pair(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    if name.len().max(value.len()) > MAX_LENGTH {
        return;
    }
    push_length(out, name.len());
    push_length(out, value.len());
    out.extend_from_slice(name);
    out.extend_from_slice(value);
}

fn push_length(out: &mut Vec<u8>, length: usize) {
    match u8::try_from(length) {
        Ok(short @ ..=0x7f) => out.push(short),
        _ => {
            let long = u32::try_from(length).unwrap_or(u32::MAX) | 0x8000_0000;
            out.extend_from_slice(&long.to_be_bytes());
        }
    }
}

/// The pairs of complete content, in order. Ends after the first fault.
#[derive(Clone, Debug)]
pub struct Pairs<'a> {
    rest: &'a [u8],
}

impl<'a> Pairs<'a> {
    /// Those in `content`.
    pub fn new(content: &'a [u8]) -> Self {
        Pairs { rest: content }
    }

    fn length(&mut self) -> Result<usize, Fault> {
        let (first, rest) = self.rest.split_first().ok_or(Fault::PairCut)?;
        if *first < 0x80 {
            self.rest = rest;
            return Ok(usize::from(*first));
        }
        let (long, rest) = self.rest.split_first_chunk::<4>().ok_or(Fault::PairCut)?;
        self.rest = rest;
        usize::try_from(u32::from_be_bytes(*long) & 0x7fff_ffff).map_err(|_| Fault::PairCut)
    }

    fn text(&mut self, length: usize) -> Result<&'a [u8], Fault> {
        let (text, rest) = self.rest.split_at_checked(length).ok_or(Fault::PairCut)?;
        self.rest = rest;
        Ok(text)
    }

    fn pair(&mut self) -> Result<(&'a [u8], &'a [u8]), Fault> {
        let (name, value) = (self.length()?, self.length()?);
        if name == 0 {
            return Err(Fault::PairUnnamed);
        }
        Ok((self.text(name)?, self.text(value)?))
    }
}

impl<'a> Iterator for Pairs<'a> {
    type Item = Result<(&'a [u8], &'a [u8]), Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let pair = self.pair();
        if pair.is_err() {
            self.rest = &[];
        }
        Some(pair)
    }
}
