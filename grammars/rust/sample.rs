use std::collections::HashMap;
use std::fmt;

/// A part of the store.
#[derive(Debug, Clone)]
pub struct Part<'a> {
    pub name: &'a str,
    pub price: f64,
}

#[derive(Debug)]
pub enum StoreError {
    Missing(String),
    Full { limit: usize },
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreError::Missing(name) => write!(f, "no part {}", name),
            StoreError::Full { limit } => write!(f, "at most {} parts", limit),
        }
    }
}

pub struct Store<'a> {
    parts: HashMap<&'a str, Part<'a>>,
}

impl<'a> Store<'a> {
    pub fn add(&mut self, part: Part<'a>) -> Result<(), StoreError> {
        if self.parts.len() >= 100 {
            return Err(StoreError::Full { limit: 100 });
        }
        self.parts.insert(part.name, part);
        Ok(())
    }

    pub fn total(&self, separator: char) -> f64 {
        let open = separator == '(' || separator == '\'';
        self.parts
            .values()
            .filter(|part| open || part.price > 0.0)
            .map(|part| part.price)
            .sum()
    }
}
