//! Values of `Authorization`.

use md5::{Digest, Md5};

/// `Basic` credentials (RFC 7617).
pub fn basic(user: impl AsRef<[u8]>, password: impl AsRef<[u8]>) -> String {
    let credentials = [user.as_ref(), b":", password.as_ref()].concat();
    format!("Basic {}", base64(&credentials))
}

/// The answer to a `Digest` challenge for a GET of this target (RFC 7616, with MD5 and `auth`).
///
/// # Panics
/// When the challenge has no realm or no nonce.
#[must_use]
#[track_caller]
pub fn digest(challenge: &str, target: &str, user: &str, password: &str) -> String {
    let parameter = |name: &str| {
        let quoted = challenge.split(&format!("{name}=\"")).nth(1);
        quoted
            .and_then(|rest| rest.split('"').next())
            .unwrap_or_else(|| panic!("no {name} in {challenge}"))
    };
    let (realm, nonce) = (parameter("realm"), parameter("nonce"));
    let secret = hash(&format!("{user}:{realm}:{password}"));
    let request = hash(&format!("GET:{target}"));
    let answer = hash(&format!("{secret}:{nonce}:00000001:c0ffee:auth:{request}"));
    format!(
        "Digest username=\"{user}\", realm=\"{realm}\", nonce=\"{nonce}\", uri=\"{target}\", algorithm=MD5, \
         response=\"{answer}\", qop=auth, nc=00000001, cnonce=\"c0ffee\""
    )
}

fn hash(text: &str) -> String {
    Md5::digest(text.as_bytes())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Base64 with padding (RFC 4648, section 4).
#[must_use]
pub fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let number = (0..3).fold(0, |number, at| {
            number << 8 | u32::from(group.get(at).copied().unwrap_or(0))
        });
        for at in 0..4 {
            let digit = (number >> (18 - 6 * at)) & 63;
            text.push(if at <= group.len() {
                char::from(DIGITS[digit as usize])
            } else {
                '='
            });
        }
    }
    text
}
