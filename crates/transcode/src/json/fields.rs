//! The fields of request messages, and the text of paths and queries for them.

use prost_types::FieldMask;

use super::reading::{Reading, Sent};
use super::scalars::Scalar;
use super::tree::{Invalid, Json};

/// The deepest field that a path or query can set: `a.b.c` is three deep.
const MAX_DEPTH: usize = 8;

/// The names of a message's field.
#[derive(Debug)]
pub struct Field {
    /// The name in the API's spelling.
    pub name: &'static str,
    /// The name in the proto.
    pub proto: &'static str,
}

/// A message that a request can fill. Output-only fields are not among its fields.
pub trait Fields: Default {
    /// The fields. Their indexes identify them in the other methods.
    const FIELDS: &'static [Field];

    /// The index of the field with that name, in either spelling.
    fn index(name: &str) -> Option<usize>;

    /// Reads a field's value from JSON.
    fn read(&mut self, field: usize, from: Json<'_>, reading: &mut Reading) -> Result<Sent, Invalid>;

    /// Sets a field from the text of a path or query.
    fn bind(&mut self, field: usize, text: &mut Text<'_>) -> Result<(), BindError>;
}

/// `google.protobuf.Empty`.
impl Fields for () {
    const FIELDS: &'static [Field] = &[];

    fn index(_: &str) -> Option<usize> {
        None
    }

    fn read(&mut self, _: usize, _: Json<'_>, _: &mut Reading) -> Result<Sent, Invalid> {
        Ok(Sent::Unnamed)
    }

    fn bind(&mut self, _: usize, _: &mut Text<'_>) -> Result<(), BindError> {
        Err(BindError::Unknown)
    }
}

/// The request of a PATCH: a resource, and a mask of the fields to change.
pub trait Patchable: Fields {
    /// The resource's message.
    type Resource: Fields;
    /// Indexes of request fields that the body may hold beside the resource's fields.
    const BESIDE: &'static [usize];

    /// The resource, created if absent.
    fn resource(&mut self) -> &mut Self::Resource;

    /// Sets the update mask.
    fn set_mask(&mut self, mask: FieldMask);
}

/// The path of a field in a request.
/// It holds the indexes of the fields that lead to it, plus one; 0 after the last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FieldPath([u16; MAX_DEPTH]);

impl FieldPath {
    /// The path of the request's own field with that index.
    pub(crate) fn top(field: usize) -> Self {
        let mut path = Self::default();
        path.set(0, field);
        path
    }

    /// Whether the field is `outer` or inside of it.
    fn is_within(self, outer: Self) -> bool {
        self.0.iter().zip(outer.0).all(|(step, outer)| outer == 0 || *step == outer)
    }

    /// False where the path is too deep.
    fn set(&mut self, depth: usize, field: usize) -> bool {
        match (self.0.get_mut(depth), u16::try_from(field + 1)) {
            (Some(step), Ok(number)) => {
                *step = number;
                true
            }
            (Some(_) | None, _) => false,
        }
    }
}

/// The text of a path variable or query parameter while its field is looked up.
#[derive(Debug)]
pub struct Text<'t> {
    /// The rest of the dotted name.
    rest: Option<&'t str>,
    value: &'t str,
    path: FieldPath,
    depth: usize,
    repeated: bool,
    reserved: &'t [FieldPath],
}

/// Why a text was not bound to a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BindError {
    /// The name is not that of a field that a text can set.
    Unknown,
    /// The text is invalid. The phrase follows the field's name: `must be …`.
    Invalid(&'static str),
}

/// The field that a text was bound to.
#[derive(Clone, Copy, Debug)]
pub struct Bound {
    /// Its path.
    pub path: FieldPath,
    /// Whether the field is repeated, so that further texts may follow.
    pub repeated: bool,
}

impl<'t> Text<'t> {
    /// Sets the field with that dotted name, in either spelling.
    /// Reserved fields count as unknown.
    pub fn bind<M: Fields>(
        message: &mut M,
        name: &'t str,
        value: &'t str,
        reserved: &'t [FieldPath],
    ) -> Result<Bound, BindError> {
        let path = FieldPath::default();
        let mut text = Text { rest: Some(name), value, path, depth: 0, repeated: false, reserved };
        text.enter(message)?;
        Ok(Bound { path: text.path, repeated: text.repeated })
    }

    fn enter<M: Fields>(&mut self, message: &mut M) -> Result<(), BindError> {
        let path = self.rest.ok_or(BindError::Unknown)?;
        let (name, rest) = path.split_once('.').map_or((path, None), |(name, rest)| (name, Some(rest)));
        let field = M::index(name).ok_or(BindError::Unknown)?;
        if !self.path.set(self.depth, field) {
            return Err(BindError::Unknown);
        }
        self.depth += 1;
        self.rest = rest;
        message.bind(field, self)
    }

    /// The text as the value of a field.
    pub fn scalar<T: Scalar>(&mut self) -> Result<T, BindError> {
        if self.rest.is_some() || self.reserved.iter().any(|reserved| self.path.is_within(*reserved)) {
            return Err(BindError::Unknown);
        }
        T::from_text(self.value).map_err(BindError::Invalid)
    }

    /// The text as an item of a list.
    pub fn item<T: Scalar>(&mut self) -> Result<T, BindError> {
        self.repeated = true;
        self.scalar()
    }

    /// Sets a field of a oneof, which must not be set already.
    pub fn choose<T>(
        &mut self,
        oneof: &mut Option<T>,
        take: impl FnOnce(&mut Self) -> Result<T, BindError>,
    ) -> Result<(), BindError> {
        match oneof.replace(take(self)?) {
            Some(_) => Err(BindError::Invalid("must not be given beside another of its kind")),
            None => Ok(()),
        }
    }

    /// Binds the text to a field of that message, which is created if absent.
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

    /// [`Text::message`] for a boxed field: a message that contains itself.
    pub fn boxed_message<M: Fields>(&mut self, slot: &mut Option<Box<M>>) -> Result<(), BindError> {
        let mut unboxed = slot.take().map(|message| *message);
        let bound = self.message(&mut unboxed);
        *slot = unboxed.map(Box::new);
        bound
    }
}
