//! Comparing and checking the short texts of a request, a machine word at a time.
//!
//! A request has some fifty names and values, few of them longer than a line. Calling `memcmp` for each, or
//! looking at one byte after the other, costs more than the work itself.

/// Longer texts are left to `memcmp`.
const SHORT: usize = 64;

/// Whether both are equal.
#[inline(always)]
pub fn same(a: &[u8], b: &[u8]) -> bool {
    let length = a.len();
    if length != b.len() {
        return false;
    }
    // The end overlaps with what is before it where the length is no multiple.
    if length < 4 {
        return a.iter().zip(b).all(|(a, b)| a == b);
    }
    if length < 8 {
        return half(a, 0) == half(b, 0) && half(a, length - 4) == half(b, length - 4);
    }
    if length <= 16 {
        return word(a, 0) == word(b, 0) && word(a, length - 8) == word(b, length - 8);
    }
    if length <= 32 {
        return word(a, 0) == word(b, 0)
            && word(a, 8) == word(b, 8)
            && word(a, length - 16) == word(b, length - 16)
            && word(a, length - 8) == word(b, length - 8);
    }
    if length > SHORT {
        return a == b;
    }
    let mut blocks = a.as_chunks::<16>().0.iter().zip(b.as_chunks::<16>().0);
    blocks.all(|(a, b)| a == b)
        && word(a, length - 16) == word(b, length - 16)
        && word(a, length - 8) == word(b, length - 8)
}

/// Eight bytes, where there are so many.
#[inline(always)]
fn word(text: &[u8], at: usize) -> u64 {
    let rest = text.get(at..).unwrap_or_default();
    rest.first_chunk().map_or(0, |word| u64::from_ne_bytes(*word))
}

/// Four bytes, where there are so many.
#[inline(always)]
fn half(text: &[u8], at: usize) -> u32 {
    let rest = text.get(at..).unwrap_or_default();
    rest.first_chunk().map_or(0, |half| u32::from_ne_bytes(*half))
}

/// Whether `text` has a byte below the space, or DEL.
#[inline]
pub fn has_control(text: &[u8]) -> bool {
    if text.len() < 8 {
        return text
            .iter()
            .fold(false, |found, byte| found | byte.is_ascii_control());
    }
    let end = word(text, text.len() - 8);
    if text.len() <= 16 {
        return word_has_control(word(text, 0)) | word_has_control(end);
    }
    let mut words = text.as_chunks::<8>().0.iter();
    word_has_control(end) || words.any(|word| word_has_control(u64::from_ne_bytes(*word)))
}

/// The classic tests "a byte less than n" and "a byte equal to n" of eight bytes at once.
#[inline]
fn word_has_control(word: u64) -> bool {
    const ONES: u64 = u64::MAX / 0xff;
    const TOPS: u64 = ONES << 7;
    let not_delete = word ^ (ONES * 0x7f);
    let below_space = word.wrapping_sub(ONES * 0x20) & !word;
    let delete = not_delete.wrapping_sub(ONES) & !not_delete;
    (below_space | delete) & TOPS != 0
}

/// The name of a header, to be found in whatever letter case.
#[derive(Debug)]
pub struct HeaderName {
    length: usize,
    start: Folded,
    end: Folded,
}

/// Eight bytes in lower case, with the bit set that tells the cases apart where they are letters.
#[derive(Debug)]
struct Folded {
    text: u64,
    case: u64,
}

impl HeaderName {
    /// A name of 8 to 16 bytes in lower case; any other is refused when compiled.
    pub const fn new(name: &[u8]) -> Self {
        assert!(8 <= name.len() && name.len() <= 16, "a name of 8 to 16 bytes");
        let (Some(start), Some(end)) = (name.first_chunk::<8>(), name.last_chunk::<8>()) else {
            unreachable!()
        };
        HeaderName {
            length: name.len(),
            start: Folded::new(*start),
            end: Folded::new(*end),
        }
    }

    /// Whether `name` is this one.
    #[inline]
    pub fn is(&self, name: &[u8]) -> bool {
        let (Some(start), Some(end)) = (name.first_chunk::<8>(), name.last_chunk::<8>()) else {
            return false;
        };
        name.len() == self.length && self.start.is(*start) && self.end.is(*end)
    }
}

impl Folded {
    #[allow(clippy::indexing_slicing, reason = "in the compiler, below 8")]
    const fn new(text: [u8; 8]) -> Self {
        let mut case = [0; 8];
        let mut index = 0;
        while index < 8 {
            assert!(!text[index].is_ascii_uppercase(), "the name is not in lower case");
            if text[index].is_ascii_lowercase() {
                case[index] = 0x20;
            }
            index += 1;
        }
        Folded {
            text: u64::from_ne_bytes(text),
            case: u64::from_ne_bytes(case),
        }
    }

    #[inline]
    fn is(&self, text: [u8; 8]) -> bool {
        u64::from_ne_bytes(text) | self.case == self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Every length up to well above [`SHORT`], with one byte changed at every place.
    #[test]
    fn a_difference_is_seen_wherever_it_is() {
        for length in 0..=SHORT + 20 {
            let text: Vec<u8> = (0..length).map(|byte| u8::try_from(byte).unwrap()).collect();
            assert!(same(&text, &text.clone()), "{length}");
            for place in 0..length {
                let mut other = text.clone();
                other[place] ^= 0x80;
                assert!(!same(&text, &other), "{length}, {place}");
            }
            assert!(!same(&text, &[&text[..], b"x"].concat()), "{length}");
        }
    }

    #[test]
    fn a_control_character_is_seen_wherever_it_is() {
        for length in 0..40 {
            for byte in 0..=u8::MAX {
                let mut text = vec![b'~'; length];
                assert!(!has_control(&text));
                for place in 0..length {
                    text[place] = byte;
                    assert_eq!(has_control(&text), byte.is_ascii_control(), "{byte} at {place}");
                    text[place] = 0xff;
                }
            }
        }
    }

    proptest! {
        #[test]
        fn control_characters_are_those_of_ascii(text: Vec<u8>) {
            prop_assert_eq!(has_control(&text), text.iter().any(u8::is_ascii_control));
        }

        #[test]
        fn a_name_is_found_as_without_case(name: Vec<u8>, place in 0..12_usize, byte: u8) {
            const CONTENT_TYPE: HeaderName = HeaderName::new(b"content-type");
            let known = b"content-type";
            prop_assert_eq!(CONTENT_TYPE.is(&name), name.eq_ignore_ascii_case(known));
            let mut changed = *known;
            changed[place] = byte;
            prop_assert_eq!(CONTENT_TYPE.is(&changed), changed.eq_ignore_ascii_case(known));
        }
    }

    #[test]
    fn names_are_found_in_any_case() {
        const NAME: HeaderName = HeaderName::new(b"www-authenticate");
        assert!(NAME.is(b"WWW-Authenticate") && NAME.is(b"www-authenticate"));
        assert!(!NAME.is(b"WWW\rAuthenticate") && !NAME.is(b"WWW-Authenticat") && !NAME.is(b""));
    }
}
