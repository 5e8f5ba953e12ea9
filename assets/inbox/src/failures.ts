// Why WhatsApp has not delivered a message, in words.

const DAY = 'more than 24 hours have passed since the customer wrote, so that only a template can be sent';

/** Error codes of the Cloud API. */
const CODES: Record<string, string> = {
  368: 'WhatsApp has restricted your account',
  470: DAY,
  130429: 'too many messages at once; try again in a moment',
  130472: 'the customer is part of an experiment of WhatsApp',
  131026: 'it cannot be delivered to this number',
  131047: DAY,
  131048: 'WhatsApp limits your number, because people have reported messages as spam',
  131049: 'WhatsApp limits the messages that this person gets from businesses',
  131051: 'WhatsApp does not support this type of message',
  131053: 'WhatsApp could not take the file',
};

/** The reason of a failed message, which may begin with a code, as in `131047 Re-engagement message: …`. */
export function failureWords(reason: string): string {
  const [code, rest] = /^(\d+)(.*)$/s.exec(reason)?.slice(1) ?? [];
  if (code === undefined || !/^(\s|$)/.test(rest)) {
    return reason;
  }
  return CODES[code] ?? (rest === '' ? `error ${code} of WhatsApp` : reason);
}
