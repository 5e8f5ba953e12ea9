//! Change events: an outbox, filled in the transaction of a change.

mod audit;
mod changes;
mod heads;
mod kinds;
mod messages;
mod notify;
mod positions;
mod read;
mod retention;
mod write;

pub use self::audit::{AuditQuery, of_chat};
pub use self::changes::{DELETED_TEXT, FieldChanges, FieldValue, HELD_BY};
pub use self::heads::{Head, head, head_and_time, heads};
pub use self::kinds::{EventKind, action_of, is_selected, selected_by, type_of};
pub use self::messages::{DetailedEvent, messages_of, rename_message, with_messages};
pub(super) use self::notify::CHANNEL;
pub use self::notify::notify;
pub use self::positions::{Positions, Range};
pub use self::read::{ChangeEvent, Changes, RoutableEvent, of_ranges};
pub use self::retention::{expired, remove_expired};
pub(super) use self::write::insert;
pub use self::write::{EventMessage, NewEvent};
