//! Text in shared words.

use std::sync::atomic::{AtomicU32, Ordering};

/// Copies as much of `text` as fits into the words after the first, which holds the number of bytes.
pub(super) fn write(words: &[AtomicU32], text: &[u8]) {
    let Some((length, room)) = words.split_first() else {
        return;
    };
    let text = text.get(..room.len() * 4).unwrap_or(text);
    for (word, piece) in room.iter().zip(text.chunks(4)) {
        let mut bytes = [0; 4];
        for (to, from) in bytes.iter_mut().zip(piece) {
            *to = *from;
        }
        word.store(u32::from_ne_bytes(bytes), Ordering::Relaxed);
    }
    length.store(u32::try_from(text.len()).unwrap_or(0), Ordering::Release);
}

/// What [`write()`] left, or whatever else is there, never longer than the words.
pub(super) fn read(words: &[AtomicU32]) -> Vec<u8> {
    let Some((length, room)) = words.split_first() else {
        return Vec::new();
    };
    let length = usize::try_from(length.load(Ordering::Acquire))
        .unwrap_or(0)
        .min(room.len() * 4);
    let mut text: Vec<u8> = room
        .iter()
        .take(length.div_ceil(4))
        .flat_map(|word| word.load(Ordering::Relaxed).to_ne_bytes())
        .collect();
    text.truncate(length);
    text
}
