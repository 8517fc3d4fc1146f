//! Streams that were damaged on their way.

/// Damages streams in ways that look random and are the same each time (xorshift).
#[derive(Debug)]
pub struct Damage(u64);

impl Damage {
    /// From any number but 0 on.
    pub fn new(seed: u64) -> Damage {
        Damage(seed)
    }

    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).expect("31 bits") % limit
    }

    fn byte(&mut self) -> u8 {
        u8::try_from(self.below(256)).expect("below 256")
    }

    /// Damages a stream in one to three places.
    pub fn mutate(&mut self, stream: &mut Vec<u8>) {
        for _ in 0..=self.below(3) {
            if stream.is_empty() {
                return;
            }
            let position = self.below(stream.len());
            match self.below(7) {
                0 => stream[position] ^= 1 << self.below(8),
                1 => stream[position] = [0, 1, 0x7f, 0x80, 0xff][self.below(5)],
                2 => stream.truncate(position),
                3 => drop(stream.remove(position)),
                4 => stream.insert(position, self.byte()),
                // A part once more, or somewhere else.
                kind => {
                    let end = position + 1 + self.below(stream.len() - position);
                    let part = stream[position..end].to_vec();
                    let target = self.below(stream.len() + 1);
                    stream.splice(target..target, part);
                    if kind == 6 {
                        stream.truncate(2048);
                    }
                }
            }
        }
    }

    /// Pieces of a stream, as reads from a socket would give them.
    pub fn pieces<'a>(&mut self, mut stream: &'a [u8]) -> Vec<&'a [u8]> {
        let mut pieces = Vec::new();
        while !stream.is_empty() {
            let (piece, rest) = stream.split_at((1 + self.below(90)).min(stream.len()));
            pieces.push(piece);
            stream = rest;
        }
        pieces
    }
}
