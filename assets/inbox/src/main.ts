// The page: sign in, then the list of chats beside the open one.
import { App } from './app';
import { connectControls } from './controls';
import { onSignIn } from './sign-in';

onSignIn((signedIn) => {
  const app = new App(signedIn);
  connectControls(app);
  void app.start();
});
