//! What is talked about in the demo.

/// A line of a conversation.
pub(super) enum Line {
    /// The customer's, or somebody's in a group.
    Them(&'static str),
    /// Ours.
    Us(&'static str),
    /// A picture of theirs.
    Picture(&'static str),
}

use Line::{Picture, Them, Us};

/// Conversations with one person.
pub(super) const PERSONAL: &[&[Line]] = &[
    &[
        Them("Hi, I ordered on Monday and still have no tracking number."),
        Us("Good morning! Let me look. Which order is it?"),
        Them("It ends in 4471."),
        Us("Thank you. It left our warehouse last night, the carrier should scan it today."),
        Them("Great, thanks for the quick answer 🙏"),
    ],
    &[
        Them("Do you have the blue one in size 42?"),
        Us("We do, two pairs left. Shall I put one aside for you?"),
        Them("Yes please! I can pick it up tomorrow after 5."),
        Us("Done. It waits for you under your name until Saturday."),
    ],
    &[
        Picture("This is how it arrived."),
        Them("The box was open and one cup is broken."),
        Us("Oh no, I am sorry about that. We send you a new set today, no need to return the broken one."),
        Them("That is very kind. Same address please."),
        Us("Of course. You will get the tracking link by e-mail."),
    ],
    &[
        Us("Your appointment is tomorrow at 10:30. Reply YES to confirm."),
        Them("YES"),
        Us("See you tomorrow!"),
    ],
    &[
        Them("Could you send me the price list for 2026?"),
        Us("Sure, I just sent it to your e-mail. Orders above 500 ship free."),
        Them("Received. What is the minimum for the reseller price?"),
        Us("20 pieces per item."),
        Them("OK, I talk to my partner and come back to you this week."),
    ],
    &[
        Them("Hello, is somebody there?"),
        Us("Hello! Yes, how can I help?"),
        Them("I was charged twice for my last invoice."),
        Us("I see the second payment. It goes back to your card within three days."),
        Them("Perfect, thank you."),
    ],
    &[
        Them("¿Hacen envíos a Canarias?"),
        Us("¡Hola! Sí, tarda de 5 a 7 días y cuesta 9,90 €."),
        Them("Muchas gracias, hago el pedido esta noche."),
    ],
    &[
        Them("My login does not work since this morning."),
        Us("Which message do you see?"),
        Picture("This one."),
        Us("Your password expired. I sent you a link to choose a new one."),
        Them("Works again 👍"),
    ],
    &[
        Us("Thank you for your visit today! Here is our quote: https://acme.example/q/20871"),
        Them("Thanks, looks good. Can you do 10% if we take both?"),
        Us("I can do 7% and free installation."),
        Them("Deal. Please send the contract."),
    ],
    &[Them("What are your opening hours on Sunday?"), Us("We are open from 11 to 17 on Sundays.")],
];

/// What else is written after a conversation; nobody has answered it yet.
pub(super) const OPEN_ENDS: &[&str] = &[
    "One more question: can I still change the delivery address?",
    "Are you there?",
    "Please call me back when you have a minute.",
    "It is rather urgent.",
    "Any news?",
    "I would need an invoice with our VAT number, please.",
    "Sorry, wrong chat 🙈",
    "And the second parcel?",
];

/// Conversations in a group.
pub(super) const IN_GROUPS: &[&[Line]] = &[
    &[
        Them("The truck is at gate 4."),
        Us("Thanks, somebody comes down to open."),
        Them("Unloaded, 18 pallets, all fine."),
        Picture("Signed papers."),
        Us("Perfect, see you on Thursday."),
    ],
    &[
        Us("Good morning all, the new catalogue is out: https://acme.example/catalogue"),
        Them("Finally!"),
        Them("Is the price of the starter kit the same?"),
        Us("Yes, until the end of the quarter."),
        Them("👏👏"),
    ],
    &[Them("Can we move the call to 15:00?"), Them("Fine for me."), Us("Moved. Same link as always.")],
];

/// Names of groups.
pub(super) const GROUPS: &[&str] = &[
    "Warehouse North",
    "Resellers Iberia",
    "Acme × Fischer Logistics",
    "Trade fair 2026",
    "Installation team",
    "VIP customers",
    "Returns desk",
    "Launch: Starter kit",
    "Night shift",
    "Drivers East",
    "Acme × Okafor Foods",
    "Workshop participants",
    "Franchise owners",
    "Beta testers",
    "Quality circle",
    "Invoices and questions",
];
