// Entry point: sign in, then the chat list beside the open chat.
import { App } from './app';
import { connectControls } from './controls';
import { onSignIn } from './sign-in';

onSignIn((signedIn) => {
  const app = new App(signedIn);
  connectControls(app);
  void app.start();
});
