// Failed calls: what they mean for the page, and what people read.
import { Code, ConnectError } from '@connectrpc/connect';

/** What a failed call shows. */
export function reason(error: unknown): string {
  const { code, rawMessage } = ConnectError.from(error);
  switch (code) {
    case Code.PermissionDenied:
      return lacking(rawMessage) ?? rawMessage;
    case Code.Unavailable:
    case Code.DeadlineExceeded:
    case Code.Unknown:
      return 'the service does not answer; try again';
    case Code.ResourceExhausted:
      return 'too much at once; try again in a moment';
    default:
      // "assigned_to: must be …" names a field of the API.
      return rawMessage.replace(/^[a-z_.]+: /, '');
  }
}

/** What the service refuses for want of a capability, which it names. */
function lacking(message: string): string | undefined {
  const reasons: Record<string, string> = {
    read: 'this key or login may not read chats',
    send: 'your sign-in may read, but neither change nor send anything',
    manage: 'your sign-in may not manage the organization',
  };
  return reasons[/capability `(\w+)`/.exec(message)?.[1] ?? ''];
}

export function isNotAllowed(error: unknown): boolean {
  return ConnectError.from(error).code === Code.PermissionDenied;
}

/** Whether a retry with this token cannot succeed. */
export function isFinal(error: unknown): boolean {
  return [Code.Unauthenticated, Code.PermissionDenied].includes(ConnectError.from(error).code);
}

/** Whether the service rejected a resume token: it is too old or not its own. */
export function isForgotten(error: unknown): boolean {
  return [Code.OutOfRange, Code.InvalidArgument].includes(ConnectError.from(error).code);
}

/** Whether a number cannot send because nothing connects it to WhatsApp. */
export function isNotConnected(error: unknown): boolean {
  return ConnectError.from(error).code === Code.FailedPrecondition;
}
