//! Request fields from the text of a path or query, found by their dotted names.

use super::json::{Fields, Scalar};

/// Fields are found at most this deep in a request.
const DEEPEST: usize = 8;

/// Which field of a request, by the numbers of the fields that lead to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place([u16; DEEPEST]);

impl Place {
    /// The request's own field of that number.
    pub fn top(field: usize) -> Self {
        let mut place = Self::default();
        place.push(0, field);
        place
    }

    /// Whether this is the other place or lies inside it.
    pub fn is_within(self, outer: Self) -> bool {
        self.0.iter().zip(outer.0).all(|(step, outer)| outer == 0 || *step == outer)
    }

    fn push(&mut self, depth: usize, field: usize) -> bool {
        match (self.0.get_mut(depth), u16::try_from(field + 1)) {
            (Some(step), Ok(number)) => {
                *step = number;
                true
            }
            (Some(_) | None, _) => false,
        }
    }
}

/// A text on its way to a field.
#[derive(Debug)]
pub struct Text<'t> {
    rest: Option<&'t str>,
    value: &'t str,
    place: Place,
    depth: usize,
    repeated: bool,
    owned: &'t [Place],
}

/// Why a text could not be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BindError {
    /// No field that can hold a text has that name.
    Unknown,
    /// What is wrong with the text, as a fragment that follows the field's name.
    Invalid(&'static str),
}

/// A field that was set.
#[derive(Clone, Copy, Debug)]
pub struct Bound {
    /// Which one.
    pub place: Place,
    /// Whether it may be set more than once.
    pub repeated: bool,
}

impl<'t> Text<'t> {
    /// Sets the field of that name, in either spelling, unless another part of the request owns it.
    pub fn bind<M: Fields>(
        message: &mut M,
        name: &'t str,
        value: &'t str,
        owned: &'t [Place],
    ) -> Result<Bound, BindError> {
        let mut text =
            Text { rest: Some(name), value, place: Place::default(), depth: 0, repeated: false, owned };
        text.enter(message)?;
        Ok(Bound { place: text.place, repeated: text.repeated })
    }

    fn enter<M: Fields>(&mut self, message: &mut M) -> Result<(), BindError> {
        let path = self.rest.ok_or(BindError::Unknown)?;
        let (name, rest) = path.split_once('.').map_or((path, None), |(name, rest)| (name, Some(rest)));
        let field = M::index(name).ok_or(BindError::Unknown)?;
        if !self.place.push(self.depth, field) {
            return Err(BindError::Unknown);
        }
        self.depth += 1;
        self.rest = rest;
        message.bind(field, self)
    }

    /// The text as the value of a field.
    pub fn scalar<T: Scalar>(&mut self) -> Result<T, BindError> {
        match self.rest {
            Some(_) => Err(BindError::Unknown),
            None if self.owned.iter().any(|owner| self.place.is_within(*owner)) => Err(BindError::Unknown),
            None => T::from_text(self.value).map_err(BindError::Invalid),
        }
    }

    /// The text as one more item of a list.
    pub fn item<T: Scalar>(&mut self) -> Result<T, BindError> {
        self.repeated = true;
        self.scalar()
    }

    /// The text as one of several fields of which only one may be set.
    pub fn choose<T>(
        &mut self,
        slot: &mut Option<T>,
        take: impl FnOnce(&mut Self) -> Result<T, BindError>,
    ) -> Result<(), BindError> {
        let value = take(self)?;
        match slot.replace(value) {
            Some(_) => Err(BindError::Invalid("must not be given beside another of its kind")),
            None => Ok(()),
        }
    }

    /// The text goes to a field of that message, which is made when there is none.
    pub fn message<M: Fields>(&mut self, slot: &mut Option<M>) -> Result<(), BindError> {
        match slot {
            Some(message) => self.enter(message),
            None => {
                let mut message = M::default();
                self.enter(&mut message)?;
                *slot = Some(message);
                Ok(())
            }
        }
    }

    /// As [`Text::message`], for a message that contains itself.
    pub fn boxed_message<M: Fields>(&mut self, slot: &mut Option<Box<M>>) -> Result<(), BindError> {
        let mut unboxed = slot.take().map(|message| *message);
        let bound = self.message(&mut unboxed);
        *slot = unboxed.map(Box::new);
        bound
    }
}
