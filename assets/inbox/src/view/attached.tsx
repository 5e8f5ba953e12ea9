// A file that is to be sent: its name and size, and a picture as it is.
import { useEffect, useState } from 'preact/hooks';
import { size } from '../texts';
import { Icon, IconButton } from './icons';
import { SHOWN } from './media';

export function Attached({ file, onRemove }: { file: File; onRemove: () => void }) {
  const url = usePreview(file);
  return (
    <li>
      {url === '' ? <Icon name="file" /> : <img src={url} alt={`Preview of ${file.name}`} />}
      <span dir="auto">{file.name}</span><small>{size(file.size)}</small>
      <IconButton icon="close" label={`Remove ${file.name}`} onClick={onRemove} />
    </li>
  );
}

/** A picture as an address of this page; empty for another file. */
function usePreview(file: File): string {
  const [url, setUrl] = useState('');
  useEffect(() => {
    const made = file.type.startsWith('image/') && SHOWN.test(file.type) ? URL.createObjectURL(file) : '';
    setUrl(made);
    return () => URL.revokeObjectURL(made);
  }, [file]);
  return url;
}
