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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Owned = Vec<(Vec<u8>, Vec<u8>)>;

    fn read(content: &[u8]) -> Result<Owned, Fault> {
        Pairs::new(content)
            .map(|pair| pair.map(|(name, value)| (name.to_vec(), value.to_vec())))
            .collect()
    }

    fn encoded(pairs: &Owned) -> Vec<u8> {
        let mut content = Vec::new();
        for (name, value) in pairs {
            push_pair(&mut content, name, value);
        }
        content
    }

    fn some_pairs() -> impl Strategy<Value = Owned> {
        let text = |least| {
            prop_oneof![
                prop::collection::vec(any::<u8>(), least..20),
                prop::collection::vec(any::<u8>(), 126..300),
            ]
        };
        prop::collection::vec((text(1), text(0)), 0..6)
    }

    proptest! {
        #[test]
        fn pairs_are_read_as_they_were_pushed(pairs in some_pairs()) {
            prop_assert_eq!(read(&encoded(&pairs)), Ok(pairs));
        }

        #[test]
        fn content_that_is_cut_off_is_noticed(pairs in some_pairs()) {
            let content = encoded(&pairs);
            for end in 0..content.len() {
                match read(&content[..end]) {
                    Ok(whole) => prop_assert_eq!(&encoded(&whole)[..], &content[..end]),
                    Err(fault) => prop_assert_eq!(fault, Fault::PairCut),
                }
            }
        }

        #[test]
        fn any_content_is_read_or_refused(content in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut pairs = Pairs::new(&content);
            while let Some(Ok((name, value))) = pairs.next() {
                prop_assert!(!name.is_empty() && name.len() + value.len() < content.len());
            }
            prop_assert!(pairs.next().is_none());
        }
    }

    /// lengths whose sum overflows 32 bits, or that go beyond the content.
    #[test]
    fn lengths_beyond_the_content_are_refused() {
        const LONG: [[u8; 4]; 4] = [
            [0xff, 0xff, 0xff, 0xff],
            [0xff, 0xff, 0xff, 0xfe],
            [0x80, 0x00, 0x00, 0x40],
            [0x7f, 0xff, 0xff, 0xff],
        ];
        let text = [b'x'; 32];
        for long in LONG {
            for lengths in [
                [&long[..], &long].concat(),
                [&[1][..], &long].concat(),
                [&long[..], &[1]].concat(),
            ] {
                let content = [&lengths[..], &text].concat();
                assert_eq!(read(&content), Err(Fault::PairCut), "{lengths:x?}");
            }
        }
        assert_eq!(read(&[33, 0, b'x']), Err(Fault::PairCut));
    }

    #[test]
    fn a_long_form_of_a_short_length_is_read() {
        // 0x80000000 and its like say 0 and up.
        let value_0 = [&[1, 0x80, 0, 0, 0][..], b"a"].concat();
        assert_eq!(read(&value_0), Ok(vec![(b"a".to_vec(), Vec::new())]));
        let name_1 = [&[0x80, 0, 0, 1, 1][..], b"ab"].concat();
        assert_eq!(read(&name_1), Ok(vec![(b"a".to_vec(), b"b".to_vec())]));
    }

    #[test]
    fn a_pair_without_a_name_is_refused() {
        for content in [&[0, 0][..], &[0, 1, b'x'], &[0x80, 0, 0, 0, 0]] {
            assert_eq!(read(content), Err(Fault::PairUnnamed));
        }
    }
}
