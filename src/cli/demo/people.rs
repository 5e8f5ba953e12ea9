//! Who the demo's numbers talk to.

const FIRST: [&str; 24] = [
    "Asha", "Bruno", "Chidi", "Dalia", "Emre", "Farah", "Gita", "Hugo", "Ines", "Jomo", "Kavya", "Luis",
    "Maya", "Noor", "Omar", "Priya", "Quinn", "Rosa", "Samir", "Tariq", "Uma", "Vera", "Wanjiru", "Yusuf",
];
const LAST: [&str; 16] = [
    "Rao", "Silva", "Okafor", "Haddad", "Yılmaz", "Khan", "Patel", "Moreau", "Costa", "Mwangi", "Iyer",
    "García", "Cohen", "Rahman", "Fischer", "Nair",
];
const COLORS: [&str; 8] =
    ["#B4876E", "#6E8FB4", "#7FB46E", "#B46EA5", "#B4A76E", "#6EB4AE", "#8A6EB4", "#B46E6E"];

/// How many people there are, each with a name nobody else has.
pub(super) const COUNT: usize = FIRST.len() * LAST.len() - 64;

/// A person's number.
pub(super) fn digits(person: usize) -> String {
    format!("1555010{:04}", 1000 + person)
}

/// A person's name.
pub(super) fn name(person: usize) -> String {
    // Stepping through both lists at once: names in a row have nothing in common.
    let last = (person + person / FIRST.len()) % LAST.len();
    format!("{} {}", FIRST[person % FIRST.len()], LAST[last])
}

/// A person's color.
pub(super) fn color(person: usize) -> &'static str {
    COLORS[person % COLORS.len()]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn nobody_shares_a_name() {
        let names: BTreeSet<_> = (0..COUNT).map(name).collect();
        assert_eq!(names.len(), COUNT);
    }
}
