// A choice of the most used emoji.
import { Menu } from './menu';

/** For a reaction. */
export const REACTIONS: readonly string[] = ['👍', '❤️', '😂', '😮', '😢', '🙏'];
const EMOJI = [...(
  '😀😃😄😁😅😂🙂🙃😉😊😍😘😋😎🤔🤗🤩😐😏😌😴😕🙁😮😢😭😤😡🥳🤝👍👎👌✌🤞👋🙏👏💪🙌❤🧡💛💚💙💜🔥⭐✨🎉🎁✅❌❗❓💯📌📎📞📦🚚💳💰📅⏰☀🌧☕🍕🎂🌹🏠✈🚗'
)];

export function Emoji({ onChoose }: { onChoose: (emoji: string) => void }) {
  return (
    <Menu label="Emoji" icon="emoji" class="emoji">
      {EMOJI.map((emoji) => <button type="button" role="menuitem" key={emoji} onClick={() => onChoose(emoji)}>{emoji}</button>)}
    </Menu>
  );
}
