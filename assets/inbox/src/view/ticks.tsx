// The delivery state of a message that was sent: clock, one tick, two, two blue ones, or failed.
import type { ChatMessage } from '../api';
import { Hidden, Icon, type IconName } from './icons';

type State = [icon: IconName, words: string];

const STATES: Record<string, State> = {
  '-1': ['failed', 'not sent'],
  '0': ['clock', 'waiting to be sent'],
  '3': ['delivered', 'delivered'],
  '4': ['delivered', 'read'],
  '5': ['delivered', 'played'],
};

const UNCLEAR: State = ['failed', 'perhaps sent'];

export function Ticks({ message }: { message: ChatMessage }) {
  const isUnclear = message.ack === '0' && message.failureReason !== undefined;
  const [icon, words]: State = isUnclear ? UNCLEAR : (STATES[message.ack ?? '1'] ?? ['sent', 'sent']);
  return (
    <span class={`ticks ${words === 'read' || words === 'played' ? 'blue' : ''} ${icon}`} title={words}>
      <Icon name={icon} />
      <Hidden>{words}</Hidden>
    </span>
  );
}
