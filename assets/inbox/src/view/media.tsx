// Media of a message: loaded with the token when it comes into view, and kept as long as it is shown.
import { useEffect, useRef, useState } from 'preact/hooks';
import type { ChatMessage } from '../api';
import { lengthOf, type Media } from '../content';
import { showFailure } from '../model/notices';
import { size } from '../texts';
import { useDesk } from './desk';
import { Icon } from './icons';

const NAMES: Record<Media['kind'], string> = { image: 'Photo', video: 'Video', audio: 'Audio', document: 'Document', sticker: 'Sticker' };
const STATES: Record<string, string> = {
  pending: 'being loaded', expired: 'no longer stored', too_large: 'too large to be stored', rejected: 'could not be stored',
};
/** What a browser may show. Other types could run scripts in the page's origin. */
export const SHOWN = /^(image\/(png|jpeg|gif|webp|avif)|audio\/[\w.+-]+|video\/[\w.+-]+)$/;

export function MediaView({ message, media }: { message: ChatMessage; media: Media }) {
  const { sender } = useDesk();
  const { kind, id } = media;
  const file = sender.fileOf(message);
  if (id === '' && !file) {
    return <Absent message={message} media={media} />;
  }
  const isShown = kind === 'document' || media.mimetype === '' || SHOWN.test(media.mimetype.split(';')[0]);
  if (kind === 'document' || !isShown) {
    return <Document media={media} file={file} />;
  }
  return kind === 'image' || kind === 'sticker' ? <Picture media={media} file={file} /> : <Player message={message} media={media} file={file} />;
}

/** A file that is not stored (yet). */
function Absent({ message, media }: { message: ChatMessage; media: Media }) {
  const about = [lengthOf(message), media.bytes > 0 ? size(media.bytes) : ''].filter((text) => text !== '').join(' · ');
  const name = message.messageType === 'ptt' ? 'Voice message' : media.filename || NAMES[media.kind];
  return (
    <div class="card absent">
      <Icon name={media.kind === 'audio' || media.kind === 'video' ? 'play' : 'file'} />
      <span><span dir="auto">{name}</span><small>{[about, STATES[media.state] ?? 'not stored here'].filter((text) => text !== '').join(', ')}</small></span>
    </div>
  );
}

function Picture({ media, file }: { media: Media; file?: File }) {
  const [url, box] = useBlob(media, file);
  const dialog = useRef<HTMLDialogElement>(null);
  const name = media.filename || NAMES[media.kind];
  return (
    <div class={media.kind === 'sticker' ? 'sticker' : 'picture'} ref={box}>
      {url && (
        <button type="button" aria-label={`Open ${name}`} onClick={() => dialog.current?.showModal()}>
          <img src={url} alt={name} />
        </button>
      )}
      <dialog class="lightbox" ref={dialog} aria-label={name} onClick={() => dialog.current?.close()}>
        {url && <img src={url} alt={name} />}
        <form method="dialog"><button>Close</button></form>
      </dialog>
    </div>
  );
}

function Player({ message, media, file }: { message: ChatMessage; media: Media; file?: File }) {
  const [url, box] = useBlob(media, file);
  const name = message.messageType === 'ptt' ? 'Voice message' : media.filename || NAMES[media.kind];
  return (
    <div class={media.kind === 'video' ? 'picture' : 'sound'} ref={box}>
      {media.kind === 'video' ? url && <video src={url} controls aria-label={name} /> : <audio src={url || undefined} controls aria-label={name} />}
      {media.kind === 'audio' && lengthOf(message) && <small>{lengthOf(message)}</small>}
    </div>
  );
}

function Document({ media, file }: { media: Media; file?: File }) {
  const { api } = useDesk();
  const name = media.filename || NAMES[media.kind];
  const save = async () => {
    const blob = file ?? (await api.media(media.id));
    const url = URL.createObjectURL(new Blob([blob], { type: 'application/octet-stream' }));
    const link = Object.assign(document.createElement('a'), { href: url, download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
  };
  return (
    <button type="button" class="card" onClick={() => void save().catch(showFailure)}>
      <Icon name="file" />
      <span class="hidden">Download </span>
      <span><span dir="auto">{name}</span> <small>{media.bytes > 0 ? size(media.bytes) : media.mimetype}</small></span>
      <Icon name="download" />
    </button>
  );
}

/** The file as an address of this page, once its box comes near the view. */
function useBlob(media: Media, file?: File) {
  const { api } = useDesk();
  const [url, setUrl] = useState('');
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    let made = '';
    let isGone = false;
    const load = async () => {
      const blob = file ?? (await api.media(media.id));
      if (!isGone && SHOWN.test(blob.type.split(';')[0])) {
        made = URL.createObjectURL(blob);
        setUrl(made);
      }
    };
    const observer = new IntersectionObserver(
      (entries) => {
        if (entries.some(({ isIntersecting }) => isIntersecting)) {
          observer.disconnect();
          void load().catch(() => undefined);
        }
      },
      { rootMargin: '600px' },
    );
    if (box.current) {
      observer.observe(box.current);
    }
    return () => {
      isGone = true;
      observer.disconnect();
      URL.revokeObjectURL(made);
    };
  }, [media.id, file]);
  return [url, box] as const;
}
