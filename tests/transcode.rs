//! The REST protocol, with services of the test's own behind it.

mod bodies;
mod cases;
mod errors;
mod routing;
mod stub;
mod total;
